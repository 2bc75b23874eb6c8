// The account's records.
//
// A table holds its records in the order of their internal ids; a transaction holds its lines in the order of their keys.
// `version` moves with every change, so that what was worked out from the data can be told stale; each table has one of its own too.
// What is done here is done to the data alone: permissions, units and user events are the business of record.js.
'use strict';

(() => {
    const TABLES = ['customer', 'contact', 'item', 'transaction', 'supportcase', 'file', 'folder', 'deletedrecord'];
    // Records that share one sequence of ids.
    const ENTITIES = ['customer', 'contact'];

    class Table {
        constructor(type) {
            this.type = type;
            this.version = 0;
            this.records = [];
            this.byId = new Map();
            this.lastId = 0; // the highest id that was ever given: none is given twice
            this.lastKey = 0; // the highest key of a transaction's line, likewise
        }

        /** Where the first record with an id above `id` is. */
        after(id) {
            let low = 0;
            let high = this.records.length;
            while (low < high) {
                const middle = (low + high) >> 1;
                if (this.records[middle].internalid > id) {
                    high = middle;
                } else {
                    low = middle + 1;
                }
            }
            return low;
        }

        put(record) {
            if (record.lines) {
                record.lines.sort((one, other) => one.lineuniquekey - other.lineuniquekey);
                const lastLine = record.lines[record.lines.length - 1];
                this.lastKey = Math.max(this.lastKey, record.lineuniquekey || 0, lastLine === undefined ? 0 : lastLine.lineuniquekey);
            }
            const { internalid } = record;
            const last = this.records[this.records.length - 1];
            if (this.byId.has(internalid)) {
                this.records[this.after(internalid) - 1] = record;
            } else if (last === undefined || last.internalid < internalid) {
                this.records.push(record);
            } else {
                this.records.splice(this.after(internalid), 0, record);
            }
            this.byId.set(internalid, record);
            this.lastId = Math.max(this.lastId, internalid);
        }

        remove(id) {
            this.records.splice(this.after(id) - 1, 1);
            this.byId.delete(id);
        }
    }

    const forEach = (make) => Object.fromEntries(TABLES.map((type) => [type, make(type)]));

    const store = {
        tables: forEach((type) => new Table(type)),
        version: 0,
        lists: {}, // list id -> { value id: text }
        customFields: forEach(() => ({})), // table -> field -> { type, list }
        fieldLists: forEach(() => ({})), // table -> field -> list, in place of the usual
        customTypes: {}, // custom record type -> field -> type; each has a table of its own
        mandatory: {}, // custom record type -> fields that can't be empty
        searches: [],
        deletions: 0,
    };

    const table = (type) => store.tables[type] || ns.fail('RCRD_TYPE_UNKNOWN', `there is no record type ${type}`);

    const changed = (type) => {
        store.version += 1;
        table(type).version += 1;
    };

    const nowToTheMinute = () => `${new Date(Date.now()).toISOString().slice(0, 16)}:00Z`;

    // What a table's stamps are called: of the creation, of the last change.
    const stampsOf = (type) => {
        if (store.customTypes[type] !== undefined) {
            return ['created', 'lastmodified'];
        }
        return [{ item: 'created', file: 'created', supportcase: 'createddate' }[type] || 'datecreated', 'lastmodifieddate'];
    };

    /** Adds a list of records as they are; used to fill the account. */
    const load = (type, records) => {
        records.forEach((record) => table(type).put(record));
        changed(type);
    };

    const nextId = (type) => {
        const shared = ENTITIES.includes(type) ? ENTITIES : [type];
        return Math.max(...shared.map((each) => table(each).lastId)) + 1;
    };

    const create = (type, values) => {
        const now = nowToTheMinute();
        const internalid = values.internalid === undefined ? nextId(type) : Number(values.internalid);
        const stamps = Object.fromEntries(stampsOf(type).map((name) => [name, now]));
        const usual = store.customTypes[type] === undefined ? {} : { isinactive: false };
        const record = { ...usual, ...stamps, ...values, internalid };
        if (type === 'transaction') {
            let key = table(type).lastKey;
            record.lineuniquekey = record.lineuniquekey || (key += 1);
            record.lines = (values.lines || []).map((line, index) => (
                { line: index + 1, kind: 'item', ...line, lineuniquekey: line.lineuniquekey || (key += 1) }
            ));
        }
        load(type, [record]);
        return record;
    };

    const find = (type, id) => table(type).byId.get(Number(id)) || ns.fail('RCRD_DSNT_EXIST', 'That record does not exist.');

    /** Changes fields; the stamp of the last change moves unless it is given. */
    const update = (type, id, values) => {
        const before = find(type, id);
        const stamps = type === 'item' ? ns.stock.change(before, values, nowToTheMinute()) : { [stampsOf(type)[1]]: nowToTheMinute() };
        const record = { ...before, ...stamps, ...values, internalid: Number(id) };
        load(type, [record]);
        return record;
    };

    /** Deletes a record. The account keeps an entry of it, but none of a custom record. */
    const remove = (type, id, moment) => {
        const record = find(type, id);
        table(type).remove(Number(id));
        changed(type);
        if (store.customTypes[type] !== undefined) {
            return;
        }
        store.deletions += 1;
        load('deletedrecord', [{
            internalid: store.deletions,
            recordid: record.internalid,
            recordtype: ns.recordType(type, record),
            name: String(record.entityid || record.itemid || record.tranid || record.casenumber || record.internalid),
            externalid: record.externalid || null,
            deletedby: String(ns.user().id),
            context: 'User Interface',
            deleteddate: moment || nowToTheMinute(),
        }]);
    };

    /** Makes one record of another: what refers to `id` refers to `into` afterwards. The record itself stays to be deleted. */
    const repoint = (type, id, into) => {
        const references = { customer: [['transaction', 'entity'], ['contact', 'company'], ['supportcase', 'company']] }[type] || [];
        references.forEach(([other, field]) => {
            const held = table(other).records.filter((record) => String(record[field]) === String(id));
            held.forEach((record) => update(other, record.internalid, { [field]: String(into) }));
        });
    };

    /** Empties a table, as if its records had never been. */
    const clear = (type) => {
        const version = table(type).version + 1;
        store.tables[type] = Object.assign(new Table(type), { version });
        store.version += 1;
    };

    /** Adds a custom record type: `fields` is field -> { type, list }, `mandatory` the fields without which none is saved. */
    const addType = (type, fields, mandatory) => {
        store.tables[type] = new Table(type);
        store.mandatory[type] = mandatory;
        store.customFields[type] = fields;
        store.fieldLists[type] = {};
        store.customTypes[type] = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.type]));
        const columns = { internalid: 'select', name: 'text', isinactive: 'checkbox', created: 'datetime', lastmodified: 'datetime',
            externalid: 'select' };
        ns.catalogue.records[type] = { columns, filters: { ...columns, internalidnumber: 'integer' } };
    };

    ns.store = Object.assign(store, { addType, clear, create, find, load, remove, repoint, table, update });
})();
