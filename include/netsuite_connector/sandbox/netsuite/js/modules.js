// The other N/* modules: thin, but each does what it says.
'use strict';

(() => {
    const modules = {};
    ns.define = (name, module) => {
        modules[name] = module;
    };
    ns.module = (name) => modules[name] || modules[name.replace(/\.js$/, '')]
        || ns.fail('MODULE_DOES_NOT_EXIST', `Module does not exist: ${name}.js`);

    // ---- N/error, N/log, N/util -------------------------------------------------------------------------------------------

    ns.define('N/error', {
        create: (options) => {
            if (!options || !options.name) {
                ns.missing('name');
            }
            return new ns.SuiteScriptError(options);
        },
        Type: { UNEXPECTED_ERROR: 'UNEXPECTED_ERROR', SSS_MISSING_REQD_ARGUMENT: 'SSS_MISSING_REQD_ARGUMENT' },
    });

    // The script log of an account is not the log of this process: nothing is written, it may hold personal data.
    const silent = () => undefined;
    ns.define('N/log', { debug: silent, audit: silent, error: silent, emergency: silent });

    ns.define('N/util', {
        isArray: Array.isArray,
        isDate: (value) => value instanceof Date,
        isFunction: (value) => typeof value === 'function',
        isNumber: (value) => typeof value === 'number',
        isObject: (value) => Object.prototype.toString.call(value) === '[object Object]',
        isString: (value) => typeof value === 'string',
        each: (values, callback) => Object.entries(values).forEach(([key, value]) => callback(value, key)),
        extend: Object.assign,
    });

    // ---- N/runtime ----------------------------------------------------------------------------------------------------------

    const preferences = () => ({
        TIMEZONE: ns.settings.timezone, DATEFORMAT: ns.settings.dateFormat, TIMEFORMAT: ns.settings.timeFormat, LANGUAGE: 'en_US',
    });

    ns.define('N/runtime', {
        get accountId() { return ns.settings.account; },
        envType: 'SANDBOX',
        executionContext: 'RESTLET',
        version: '2026.2',
        EnvType: { PRODUCTION: 'PRODUCTION', SANDBOX: 'SANDBOX', BETA: 'BETA', INTERNAL: 'INTERNAL' },
        ContextType: { RESTLET: 'RESTLET', SCHEDULED: 'SCHEDULED', USER_EVENT: 'USEREVENT', MAP_REDUCE: 'MAPREDUCE' },
        isFeatureInEffect: ({ feature }) => ['SERVERSIDESCRIPTING', 'CUSTOMCODE', 'MULTICURRENCY'].includes(feature),
        getCurrentUser: () => ({
            ...ns.settings.user,
            roleCenter: 'BASIC',
            subsidiary: 1,
            getPreference: ({ name }) => preferences()[String(name).toUpperCase()] || null,
            getPermission: () => 4,
        }),
        getCurrentScript: () => ({
            id: ns.running.script,
            deploymentId: ns.running.deployment,
            logLevel: 'ERROR',
            bundleIds: [],
            getRemainingUsage: () => ns.remaining(),
            getParameter: () => null,
        }),
    });

    // ---- N/format -----------------------------------------------------------------------------------------------------------

    const Type = {
        DATE: 'date', TIME: 'time', TIMEOFDAY: 'timeofday', DATETIME: 'datetime', DATETIMETZ: 'datetimetz', INTEGER: 'integer',
        FLOAT: 'float', CURRENCY: 'currency', CURRENCY2: 'currency2', PERCENT: 'percent', CHECKBOX: 'checkbox', TEXT: 'text',
    };
    const zoneOf = (zone) => {
        if (zone === undefined || zone === null) {
            return ns.settings.timezone;
        }
        return ns.dates.known(zone) ? zone : 'GMT';
    };
    const isMoment = (type) => type === Type.DATETIME || type === Type.DATETIMETZ;
    const seconds = () => ns.dates.withSeconds(ns.settings.timeFormat);

    // What can't be formatted or parsed comes back as it was given, as N/format does.
    const format = ({ value, type, timezone }) => {
        if (value instanceof Date && isMoment(type)) {
            return ns.dates.write(value.getTime(), zoneOf(timezone), seconds());
        }
        if (value instanceof Date && type === Type.DATE) {
            const date = { year: value.getFullYear(), month: value.getMonth() + 1, day: value.getDate() };
            return ns.dates.showDate(ns.dates.isoDate(date));
        }
        return typeof value === 'number' ? String(value) : value;
    };

    const parse = ({ value, type, timezone }) => {
        if (typeof value !== 'string') {
            return value;
        }
        if (isMoment(type)) {
            // A text in a named time zone must carry seconds.
            const formats = timezone === undefined ? [seconds(), ns.settings.timeFormat] : [seconds()];
            const found = formats.map((each) => ns.dates.readMoment(value, zoneOf(timezone), each)).find((moment) => moment !== null);
            return found === undefined ? value : new Date(found);
        }
        if (type === Type.DATE) {
            const date = ns.dates.readDate(value);
            return date === null ? value : new Date(date.year, date.month - 1, date.day);
        }
        const number = [Type.INTEGER, Type.FLOAT, Type.CURRENCY, Type.CURRENCY2].includes(type) ? Number(value) : NaN;
        return Number.isNaN(number) ? value : number;
    };

    ns.define('N/format', {
        Type,
        Timezone: { GMT: 'GMT', AMERICA_LOS_ANGELES: 'America/Los_Angeles', AMERICA_NEW_YORK: 'America/New_York',
            EUROPE_LONDON: 'Europe/London', EUROPE_AMSTERDAM: 'Europe/Amsterdam' },
        format: (options) => (options && options.type ? format(options) : ns.missing('type')),
        parse: (options) => (options && options.type ? parse(options) : ns.missing('type')),
    });

    // ---- N/record -----------------------------------------------------------------------------------------------------------

    // Units by kind of record: load or create, save or delete.
    const COST = { transaction: [10, 20], customer: [5, 10], contact: [5, 10], item: [5, 10] };
    const tableOf = (type) => {
        const [table] = ns.searchTable(type);
        return COST[table] === undefined ? ns.fail('SSS_INVALID_RECORD_TYPE', `Invalid record type ${type}.`) : table;
    };

    class CurrentRecord {
        constructor(type, table, id, values) {
            this.type = type;
            this.id = id;
            Object.defineProperties(this, { table: { value: table }, values: { value: values }, changed: { value: {} } });
        }

        getValue(options) {
            const value = this.values[typeof options === 'object' ? options.fieldId : options];
            return value === undefined || value === null ? '' : value;
        }

        setValue({ fieldId, value }) {
            this.values[fieldId] = value;
            this.changed[fieldId] = value;
            return this;
        }

        getLineCount() {
            return (this.values.lines || []).filter(({ kind }) => kind === 'item').length;
        }

        getSublistValue({ fieldId, line }) {
            return (this.values.lines || []).filter(({ kind }) => kind === 'item')[line][fieldId];
        }

        save() {
            ns.charge(COST[this.table][1]);
            const saved = this.id === null
                ? ns.store.create(this.table, this.values) : ns.store.update(this.table, this.id, this.changed);
            this.id = saved.internalid;
            return this.id;
        }
    }

    ns.define('N/record', {
        Type: { CUSTOMER: 'customer', CONTACT: 'contact', INVENTORY_ITEM: 'inventoryitem', SALES_ORDER: 'salesorder', INVOICE: 'invoice',
            CASH_SALE: 'cashsale', CREDIT_MEMO: 'creditmemo', LEAD: 'lead', PROSPECT: 'prospect' },
        load: ({ type, id }) => {
            const table = tableOf(type);
            ns.charge(COST[table][0]);
            return new CurrentRecord(type, table, Number(id), { ...ns.store.find(table, id) });
        },
        create: ({ type }) => {
            const table = tableOf(type);
            ns.charge(COST[table][0]);
            const [, field, values] = ns.searchTable(type);
            return new CurrentRecord(type, table, null, field === null ? {} : { [field]: values[0] });
        },
        submitFields: ({ type, id, values }) => {
            const table = tableOf(type);
            ns.charge(COST[table][0]);
            ns.store.update(table, id, values);
            return Number(id);
        },
        delete: ({ type, id }) => {
            const table = tableOf(type);
            ns.charge(COST[table][1]);
            ns.store.remove(table, id);
            return Number(id);
        },
    });
})();
