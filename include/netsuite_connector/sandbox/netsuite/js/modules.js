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

    // The script log is kept in memory only, for the keeper to read: it may hold personal data.
    const LOG_ENTRIES = 200;
    ns.log = [];
    ns.note = (level, title, details) => {
        const words = [title, details].map((part) => (typeof part === 'string' ? part : JSON.stringify(part === undefined ? '' : part)));
        ns.log.push({ level, script: ns.running.script, title: words[0], details: words[1] });
        ns.log.splice(0, ns.log.length - LOG_ENTRIES);
    };
    const noting = (level) => (title, details) => (
        title !== null && typeof title === 'object' && 'title' in title
            ? ns.note(level, title.title, title.details) : ns.note(level, title, details)
    );
    ns.define('N/log', { debug: noting('DEBUG'), audit: noting('AUDIT'), error: noting('ERROR'), emergency: noting('EMERGENCY') });

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
        TIMEZONE: ns.settings.timezone, DATEFORMAT: ns.settings.dateFormat, TIMEFORMAT: ns.settings.timeFormat,
        LANGUAGE: ns.settings.language,
    });

    ns.define('N/runtime', {
        get accountId() { return ns.settings.account; },
        envType: 'SANDBOX',
        get executionContext() { return ns.running.context; },
        version: '2026.2',
        EnvType: { PRODUCTION: 'PRODUCTION', SANDBOX: 'SANDBOX', BETA: 'BETA', INTERNAL: 'INTERNAL' },
        ContextType: { CSV_IMPORT: 'CSVIMPORT', MAP_REDUCE: 'MAPREDUCE', RESTLET: 'RESTLET', SCHEDULED: 'SCHEDULED', SUITELET: 'SUITELET',
            USER_EVENT: 'USEREVENT', USER_INTERFACE: 'USERINTERFACE', WEBSERVICES: 'WEBSERVICES' },
        Permission: { NONE: 0, VIEW: 1, CREATE: 2, EDIT: 3, FULL: 4 },
        isFeatureInEffect: ({ feature }) => ['SERVERSIDESCRIPTING', 'CUSTOMCODE', 'CUSTOMRECORDS', 'MULTICURRENCY'].includes(feature),
        getCurrentUser: () => ({
            ...ns.user(),
            roleCenter: 'BASIC',
            subsidiary: 1,
            getPreference: ({ name }) => preferences()[String(name).toUpperCase()] || null,
        }),
        getCurrentScript: () => ({
            id: ns.running.script,
            deploymentId: ns.running.deployment,
            logLevel: 'ERROR',
            bundleIds: [],
            getRemainingUsage: () => ns.remaining(),
            getParameter: (options) => {
                const value = ns.running.parameters[typeof options === 'object' ? options.name : options];
                return value === undefined ? null : value;
            },
        }),
    });

    // ---- N/file -------------------------------------------------------------------------------------------------------------

    const FILE_UNITS = 10;

    ns.define('N/file', {
        Type: { JSON: 'JSON', PLAINTEXT: 'PLAINTEXT', JAVASCRIPT: 'JAVASCRIPT', CSV: 'CSV' },
        load: (options) => {
            const id = typeof options === 'object' && options !== null ? options.id : options;
            if (!id) {
                ns.missing('id');
            }
            ns.charge(FILE_UNITS);
            const path = ns.resolvePath(ns.running.path, String(id));
            const text = ns.files[path];
            if (text === undefined) {
                ns.fail('RCRD_DSNT_EXIST', `That record does not exist. path: ${id}`);
            }
            return {
                name: path.slice(path.lastIndexOf('/') + 1),
                path: path.slice(1),
                size: ns.utf8Length(text),
                isText: true,
                getContents: () => text,
            };
        },
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
})();
