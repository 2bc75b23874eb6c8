// Records as scripts and people handle them: N/record, and the user events that run when one is saved or deleted.
'use strict';

(() => {
    const USER_EVENT_UNITS = 1000;
    // Units by kind of record: load or create, save or delete.
    const COST = { transaction: [10, 20], custom: [2, 4], other: [5, 10] };
    const MAX_LENGTH = { text: 300, textarea: 4000, clobtext: 1000000 };
    const STANDARD = ['name', 'isinactive', 'externalid'];
    const UserEventType = Object.fromEntries(['create', 'edit', 'view', 'copy', 'delete', 'xedit'].map((name) => [name.toUpperCase(), name]));

    ns.userEvents = { runs: 0, failed: 0, most_units: 0, seconds: 0 };

    const isCustom = (table) => ns.store.customTypes[table] !== undefined;
    const costOf = (table) => COST[isCustom(table) ? 'custom' : table] || COST.other;
    const isEmpty = (value) => value === undefined || value === null || value === '';

    // ---- values ---------------------------------------------------------------------------------------------------------

    const invalid = (field, value) => ns.fail(
        'INVALID_FLD_VALUE', `You have entered an Invalid Field Value ${value} for the following field: ${field}`,
    );

    const stored = (type, field, value) => {
        if (isEmpty(value)) {
            return null;
        }
        const isDate = value instanceof Date;
        switch (type) {
        case 'checkbox':
            return value === true || value === 'T';
        case 'integer': case 'float': case 'currency': case 'percent': {
            const number = Number(value);
            return Number.isNaN(number) || (type === 'integer' && !Number.isInteger(number)) ? invalid(field, value) : number;
        }
        case 'date': case 'datetime': case 'datetimetz': {
            const read = isDate ? value : ns.module('N/format').parse({ value, type });
            if (!(read instanceof Date)) {
                return invalid(field, value);
            }
            return type === 'date'
                ? ns.dates.isoDate({ year: read.getFullYear(), month: read.getMonth() + 1, day: read.getDate() })
                : ns.dates.iso(Math.floor(read.getTime() / 60000) * 60000);
        }
        default:
            if (String(value).length > MAX_LENGTH[type]) {
                ns.fail('EXCEEDED_MAX_FIELD_LENGTH',
                    `The field ${field} contained more than the maximum number ( ${MAX_LENGTH[type]} ) of characters allowed.`);
            }
            return String(value);
        }
    };

    /** A value as a record keeps it. Fields of custom records are checked; others are kept as they are given. */
    const toStore = (table, field, value) => {
        if (!isCustom(table)) {
            return value;
        }
        const type = ns.store.customTypes[table][field];
        if (type === undefined && !STANDARD.includes(field)) {
            ns.fail('SSS_INVALID_FIELD_ID', `The record type ${table} has no field ${field}.`);
        }
        return stored(field === 'isinactive' ? 'checkbox' : type || 'text', field, value);
    };

    const checkMandatory = (table, record) => {
        const lacking = (ns.store.mandatory[table] || []).filter((field) => isEmpty(record[field]));
        if (lacking.length > 0) {
            ns.fail('USER_ERROR', `Please enter value(s) for: ${lacking.join(', ')}`);
        }
    };

    const nameOf = (options) => (typeof options === 'object' ? options.fieldId : options);

    class Reading {
        constructor(type, table, id, values) {
            this.type = type;
            this.id = id;
            Object.defineProperties(this, { table: { value: table }, values: { value: values } });
        }

        get lines() {
            return (this.values.lines || []).filter(({ kind }) => kind === 'item');
        }

        getValue(options) {
            const value = this.values[nameOf(options)];
            return isEmpty(value) ? '' : value;
        }

        getText(options) {
            const field = nameOf(options);
            const value = this.values[field];
            return isEmpty(value) ? '' : ns.columnField(this.table, field, null).text(value);
        }

        getFields() {
            return Object.keys(this.values);
        }

        getLineCount() {
            return this.lines.length;
        }

        getSublistValue({ fieldId, line }) {
            return this.lines[line][fieldId];
        }
    }

    class Editing extends Reading {
        constructor(type, table, id, values) {
            super(type, table, id, values);
            Object.defineProperty(this, 'changed', { value: {} });
        }

        setValue(options, given) {
            const field = nameOf(options);
            const value = toStore(this.table, field, typeof options === 'object' ? options.value : given);
            this.values[field] = value;
            this.changed[field] = value;
            return this;
        }

        save() {
            ns.charge(costOf(this.table)[1]);
            this.id = this.id === null
                ? ns.records.create(this.table, this.values).internalid
                : ns.records.change(this.table, this.id, this.changed).internalid;
            return this.id;
        }
    }

    // ---- user events ----------------------------------------------------------------------------------------------------

    const isFor = (deployment, event, type) => deployment.kind === 'usereventscript' && deployment.released
        && deployment.record_type === type
        && (deployment.events.length === 0 || deployment.events.includes(event))
        && (deployment.contexts.length === 0 || deployment.contexts.includes(ns.running.context));

    const run = (deployment, context) => {
        const began = Date.now();
        const { context: trigger, as, emptySearches } = ns.running;
        const running = { kind: deployment.kind, script: deployment.script, deployment: deployment.deployment, path: deployment.path,
            parameters: deployment.parameters, context: trigger, as: deployment.run_as || as, emptySearches };
        ns.metered(USER_EVENT_UNITS, (meter) => {
            let ended = null;
            try {
                ns.runAs(running, () => {
                    const { afterSubmit } = ns.loadScript(deployment.path);
                    if (typeof afterSubmit === 'function') {
                        afterSubmit(context);
                    }
                });
            } catch (failure) {
                ended = failure;
            }
            ended = meter.ended || ended;
            if (ended !== null) {
                ns.userEvents.failed += 1;
                ns.note('SYSTEM', `${deployment.script}: ${ended.name || 'Error'}`, ended.message || String(ended));
            }
            ns.userEvents.most_units = Math.max(ns.userEvents.most_units, meter.used);
        });
        ns.userEvents.runs += 1;
        ns.userEvents.seconds += (Date.now() - began) / 1000;
    };

    /** Runs the user events of a record that has been saved or deleted. Those that a user event causes itself run none. */
    const fire = (event, table, id, before, after) => {
        if (ns.running.kind === 'usereventscript') {
            return;
        }
        const type = ns.recordType(table, { ...before, ...after });
        const reading = (values) => new Reading(ns.recordType(table, { ...before, ...values }), table, id, values);
        ns.deployments.filter((deployment) => isFor(deployment, event, type)).forEach((deployment) => run(deployment, {
            type: event,
            UserEventType,
            newRecord: reading({ ...after }),
            oldRecord: before === null ? undefined : reading({ ...before }),
        }));
    };

    const only = (fields, names) => Object.fromEntries(names.map((name) => [name, fields[name]]));

    /** What a person or a script may do to a record, with everything that follows from it. Records come and go as they are stored. */
    ns.records = {
        create: (table, values) => {
            checkMandatory(table, values);
            const record = ns.store.create(table, values);
            fire('create', table, record.internalid, null, record);
            return record;
        },
        /** `inline` is an edit of single fields in a list: the user event sees nothing of the rest. */
        change: (table, id, values, inline = false) => {
            const before = ns.store.find(table, id);
            checkMandatory(table, { ...before, ...values });
            const record = ns.store.update(table, id, values);
            fire(inline ? 'xedit' : 'edit', table, record.internalid, before, inline ? only(record, Object.keys(values)) : record);
            return record;
        },
        remove: (table, id, moment) => {
            const before = ns.store.find(table, id);
            ns.store.remove(table, id, moment);
            fire('delete', table, before.internalid, before, {});
        },
        /** Makes one of two duplicates: what refers to the first refers to the other, and the first is deleted. */
        merge: (table, id, into) => {
            const [from, to] = [ns.store.find(table, id), ns.store.find(table, into)];
            if (!['customer', 'contact'].includes(table) || from === to) {
                ns.fail('MERGE_NOT_ALLOWED', 'only a customer or contact can be merged, into another one');
            }
            ns.store.repoint(table, from.internalid, to.internalid);
            ns.records.remove(table, from.internalid);
            return to;
        },
    };

    // ---- N/record -------------------------------------------------------------------------------------------------------

    const tableOf = (type, level) => {
        const [table] = ns.searchTable(type);
        if (table === 'deletedrecord') {
            ns.fail('SSS_INVALID_RECORD_TYPE', `Invalid record type ${type}.`);
        }
        ns.demand(table, level);
        return table;
    };

    const changesOf = (table, values) => Object.fromEntries(
        Object.entries(values).map(([field, value]) => [field, toStore(table, field, value)]),
    );

    const needed = (options, ...names) => names.forEach((name) => {
        if (!options || isEmpty(options[name])) {
            ns.missing(name);
        }
    });

    ns.define('N/record', {
        Type: {
            ASSEMBLY_ITEM: 'assemblyitem', CASH_REFUND: 'cashrefund', CASH_SALE: 'cashsale', CONTACT: 'contact', CREDIT_MEMO: 'creditmemo',
            CUSTOMER: 'customer', ESTIMATE: 'estimate', INVENTORY_ITEM: 'inventoryitem', INVOICE: 'invoice',
            ITEM_FULFILLMENT: 'itemfulfillment', KIT_ITEM: 'kititem', LEAD: 'lead', NON_INVENTORY_ITEM: 'noninventoryitem',
            OPPORTUNITY: 'opportunity', PROSPECT: 'prospect', RETURN_AUTHORIZATION: 'returnauthorization', SALES_ORDER: 'salesorder',
            SERVICE_ITEM: 'serviceitem', SUPPORT_CASE: 'supportcase',
        },
        load: (options) => {
            needed(options, 'type', 'id');
            const table = tableOf(options.type, 'VIEW');
            ns.charge(costOf(table)[0]);
            const values = { ...ns.store.find(table, options.id) };
            return new Editing(ns.recordType(table, values), table, values.internalid, values);
        },
        create: (options) => {
            needed(options, 'type');
            const table = tableOf(options.type, 'CREATE');
            ns.charge(costOf(table)[0]);
            const [, field, values] = ns.searchTable(options.type);
            return new Editing(options.type, table, null, field === null ? {} : { [field]: values[0] });
        },
        submitFields: (options) => {
            needed(options, 'type', 'id', 'values');
            const table = tableOf(options.type, 'EDIT');
            ns.charge(costOf(table)[0]);
            return ns.records.change(table, options.id, changesOf(table, options.values), true).internalid;
        },
        delete: (options) => {
            needed(options, 'type', 'id');
            const table = tableOf(options.type, 'FULL');
            ns.charge(costOf(table)[1]);
            ns.records.remove(table, options.id);
            return Number(options.id);
        },
    });
})();
