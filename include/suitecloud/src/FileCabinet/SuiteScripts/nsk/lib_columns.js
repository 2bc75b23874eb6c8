/**
 * The columns of a search as the wire names and types them, and their values free of the user's preferences.
 *
 * A reader is `{ column, about: { key, name, join, label, type }, read(result) }`, where `read` gives the wire value, for a select
 * or multiselect `[id, text]`.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['./lib_time'], (time) => {
    const WIRE_TYPES = {
        select: 'select',
        image: 'select',
        document: 'select',
        multiselect: 'multiselect',
        checkbox: 'boolean',
        date: 'date',
        datetime: 'datetime',
        datetimetz: 'datetime',
        integer: 'integer',
        posinteger: 'integer',
        float: 'number',
        posfloat: 'number',
        currency: 'number',
        currency2: 'number',
        percent: 'number',
        rate: 'number',
    };

    // Used where the platform does not tell a column's type: names that mean the same in every search type.
    const KNOWN_NAMES = {
        select: ['assigned', 'category', 'class', 'company', 'contact', 'createdfrom', 'currency', 'customer', 'customform',
            'deletedby', 'department', 'entity', 'entitystatus', 'folder', 'forecasttype', 'globalsubscriptionstatus', 'internalid',
            'inventorylocation', 'issue', 'item', 'language', 'leadsource', 'location', 'mainname', 'opportunity', 'origin',
            'parent', 'pricelevel', 'priority', 'promocode', 'salesrep', 'shipcarrier', 'shipmethod', 'source',
            'sourcesite', 'stage', 'state', 'status', 'statusref', 'storedisplayimage', 'subsidiary', 'terms', 'territory',
            'type'],
        boolean: ['closed', 'commercecategoryisinactive', 'commercecategoryisprimary', 'giveaccess', 'isdefaultbilling',
            'isdefaultshipping', 'isdropshipitem', 'isinactive', 'isonline', 'isperson', 'taxline'],
        date: ['actualshipdate', 'closedate', 'duedate', 'expectedclosedate', 'firstorderdate', 'firstsaledate', 'formuladate',
            'lastorderdate', 'lastsaledate', 'shipdate', 'startdate', 'trandate'],
        datetime: ['created', 'createddate', 'datecreated', 'deleteddate', 'enddate', 'formuladatetime', 'lastmessagedate',
            'lastmodified', 'lastmodifieddate', 'lastquantityavailablechange', 'lastreopeneddate', 'modified'],
        integer: ['commercecategoryid', 'line', 'linesequencenumber', 'lineuniquekey'],
        number: ['amount', 'baseprice', 'cost', 'discountamount', 'exchangerate', 'formulacurrency', 'formulanumeric',
            'formulapercent', 'fxamount', 'grossamount', 'locationquantityavailable', 'locationquantityonhand',
            'maximumquantity', 'minimumquantity', 'netamount', 'onlineprice', 'probability', 'projectedamount', 'quantity',
            'quantityavailable', 'quantitybilled', 'quantityonhand', 'quantityshiprecv', 'rate', 'shippingamount',
            'signedamount', 'taxamount', 'taxtotal', 'total', 'unitprice', 'weight'],
    };
    const TYPE_BY_NAME = {};
    Object.keys(KNOWN_NAMES).forEach((type) => KNOWN_NAMES[type].forEach((name) => {
        TYPE_BY_NAME[name] = type;
    }));
    // The keys of the rows, whatever the platform calls their type.
    const ROW_KEYS = ['internalid', 'lineuniquekey'];

    const wireType = (column) => {
        if (!column.join && ROW_KEYS.includes(column.name)) {
            return 'integer';
        }
        const told = JSON.parse(JSON.stringify(column)).type;
        return (told ? WIRE_TYPES[told] : TYPE_BY_NAME[column.name]) || 'text';
    };

    const numberOf = (value) => {
        const number = Number(String(value).replace(/%$/, ''));
        return Number.isFinite(number) ? number : null;
    };

    // From 2^53 on JavaScript no longer has every whole number: what it would give may be another one.
    const integerOf = (value) => {
        const number = numberOf(value);
        return Number.isSafeInteger(number) ? number : null;
    };

    const CONVERT = {
        text: String,
        integer: integerOf,
        number: numberOf,
        date: time.dateFromUser,
        datetime: (value) => {
            const date = time.fromUser(value);
            return date === null ? null : time.iso(date);
        },
        boolean: (value) => {
            const word = String(value).toLowerCase();
            return ['true', 't', 'yes'].includes(word) ? true : ['false', 'f', 'no'].includes(word) ? false : null;
        },
    };

    const isEmpty = (value) => value === '' || value === null || value === undefined;

    const readerOf = (column, key, unreadable) => {
        const type = wireType(column);
        const about = { key, name: column.name, join: column.join || null, label: column.label || null, type };
        const read = (result) => {
            const value = result.getValue(column);
            if (isEmpty(value)) {
                return null;
            }
            const converted = CONVERT[type](value);
            if (converted === null) {
                unreadable[key] = (unreadable[key] || 0) + 1;
            }
            return converted;
        };
        const readPair = (result) => {
            const id = result.getValue(column);
            if (isEmpty(id)) {
                return [null, null];
            }
            const text = result.getText(column);
            return [String(id), isEmpty(text) ? null : String(text)];
        };
        return { column, about, read: type === 'select' || type === 'multiselect' ? readPair : read };
    };

    /**
     * Readers for columns, in order. Keys are `name` or `join.name`; one that repeats gets `_1`, `_2`, … as NetSuite numbers formulas.
     * Joins are written `createdFrom` here and `createdfrom` there, so keys are in lower case.
     * `unreadable` counts, by key, values that were not what their column's type says and so became null.
     */
    const readers = (columns, unreadable) => {
        const seen = {};
        return columns.map((column) => {
            const base = (column.join ? `${column.join}.${column.name}` : column.name).toLowerCase();
            const before = seen[base] || 0;
            seen[base] = before + 1;
            return readerOf(column, before === 0 ? base : `${base}_${before}`, unreadable);
        });
    };

    return { readers };
});
