// What a search may ask of a record type, and how a value is read.
//
// A field is `{ name, type, ofRow, read(record, row), text(value) }`: `read` gives the stored value, where `row` is a transaction's line
// (null for its header row) or the row's entries of lists (js/lists.js); `ofRow` says whether the value depends on the row, `text` gives
// the words of a select. What a search uses besides its own table is gathered in a `Used`.
'use strict';

(() => {
    const FORMULAS = { formulatext: 'text', formulanumeric: 'float', formulacurrency: 'currency', formulapercent: 'percent',
        formuladate: 'date', formuladatetime: 'datetime' };

    /** What a search uses besides its own records: lists below them, tables joined to them, and whether any other table too. */
    class Used {
        constructor() {
            this.lists = new Set();
            this.joins = new Set();
            this.others = false;
        }
    }

    // ---- stored values ------------------------------------------------------------------------------------------------

    const LINE_KINDS = { tax: 'TAX', shipping: 'SHIPPING', cogs: 'COGS', item: 'ITEM' };
    const round = (number) => Math.round(number * 100) / 100;
    const foreign = (amount, record) => (amount === null || amount === undefined ? amount : round(amount / (record.exchangerate || 1)));
    const amountOf = (record, line) => (line ? line.amount : record.total);

    // How much of a line was shipped or billed where the line itself does not say: all or nothing, by the order's status.
    const SHIPPED = ['SalesOrd:F', 'SalesOrd:G'];
    const BILLED = ['SalesOrd:G'];
    const share = (name, states) => (record, line) => {
        if (line === null || line.kind !== 'item' || record.type !== 'SalesOrd') {
            return null;
        }
        return line[name] ?? (states.includes(record.status) ? line.quantity : 0);
    };

    const sumOf = (kind) => ({ lines }) => round(lines.reduce((sum, line) => sum + (line.kind === kind ? line.amount || 0 : 0), 0));
    const altname = (record) => record.companyname || [record.firstname, record.lastname].filter(Boolean).join(' ');

    // Fields that are worked out, or that differ between the header row and the lines: those take the line.
    const READERS = {
        transaction: {
            mainline: (record, line) => line === null,
            taxline: (record, line) => line !== null && line.kind === 'tax',
            shipping: (record, line) => line !== null && line.kind === 'shipping',
            cogs: (record, line) => line !== null && line.kind === 'cogs',
            transactionlinetype: (record, line) => (line === null ? null : LINE_KINDS[line.kind]),
            line: (record, line) => (line === null ? 0 : line.line),
            linesequencenumber: (record, line) => (line === null ? 0 : line.line),
            lineuniquekey: (record, line) => (line === null ? record : line).lineuniquekey,
            item: (record, line) => (line === null ? null : line.item),
            quantity: (record, line) => (line === null ? null : line.quantity),
            quantityshiprecv: share('quantityshiprecv', SHIPPED),
            quantitybilled: share('quantitybilled', BILLED),
            closed: (record, line) => (line === null ? false : line.closed === true || record.status === 'SalesOrd:H'),
            rate: (record, line) => (line === null ? null : line.rate),
            amount: amountOf,
            netamount: amountOf,
            grossamount: amountOf,
            signedamount: amountOf,
            fxamount: (record, line) => foreign(amountOf(record, line), record),
            memo: (record, line) => (line === null ? record.memo : line.memo),
            memomain: (record) => record.memo,
            mainname: (record) => record.entity,
            taxtotal: sumOf('tax'),
            shippingamount: sumOf('shipping'),
            recordtype: (record) => ns.recordType('transaction', record),
            statusref: (record) => record.status,
        },
        item: { modified: (record) => record.lastmodifieddate },
        customer: { altname },
        contact: { altname },
        file: { modified: (record) => record.lastmodifieddate },
    };

    const readerOf = (type, name) => {
        const reader = (READERS[type] || {})[name];
        if (reader !== undefined) {
            return reader;
        }
        if (name === 'internalid' || name === 'internalidnumber') {
            return (record) => record.internalid;
        }
        if (type === 'transaction' && name.indexOf('custcol') === 0) {
            return (record, line) => (line === null ? null : line[name]);
        }
        return (record) => record[name];
    };

    // ---- fields -----------------------------------------------------------------------------------------------------------

    const field = (type, name, kind, side, used) => {
        const custom = (ns.store.customFields[type] || {})[name];
        const list = custom === undefined
            ? (ns.store.fieldLists[type] || {})[name] || (ns.kinds.LISTS[type] || {})[name] : custom.list;
        const isStatus = type === 'transaction' && (name === 'statusref' || name === 'status');
        const text = isStatus ? (value) => ns.kinds.statusWords(value)[1] : (value) => ns.kinds.listText(list, value);
        const below = ns.lists.listOf(type, name);
        if (below !== null) {
            used.lists.add(below);
        }
        const read = below === null ? readerOf(type, name) : ns.lists.reader(below, name);
        // Some selects are columns of text, such as a transaction's website: they show the words and keep the id to themselves.
        const worded = side === COLUMNS.side && kind === 'text' && list !== undefined && custom === undefined;
        const words = (record, row) => {
            const value = read(record, row);
            return value === null || value === undefined || value === '' ? value : text(value);
        };
        return { name, type: custom === undefined ? kind : custom.type, list, isStatus, text,
            ofRow: read.length > 1, joined: false, grouped: false, read: worded ? words : read, stored: read };
    };

    const known = (type, name, side) => {
        const custom = (ns.store.customFields[type] || {})[name];
        return custom === undefined ? (ns.catalogue.records[type][side] || {})[name] : custom.type;
    };

    // What the platform says of a column or a filter that is not there.
    const COLUMNS = { side: 'columns', code: 'SSS_INVALID_SRCH_COL', join: 'SSS_INVALID_SRCH_COL_JOIN', object: 'nlobjSearchColumn',
        wrong: 'an invalid column' };
    const FILTERS = { side: 'filters', code: 'SSS_INVALID_SRCH_FILTER', join: 'SSS_INVALID_SRCH_FILTER_JOIN',
        object: 'nlobjSearchFilter', wrong: 'invalid filter' };

    const own = (type, name, words, used) => {
        const kind = known(type, name, words.side);
        if (kind === undefined) {
            ns.fail(words.code, `An ${words.object} contains ${words.wrong}, or is not in proper syntax: ${name}.`);
        }
        return field(type, name, kind, words.side, used);
    };

    const joined = (type, join, name, words, used) => {
        const list = ns.lists.joinedList(type, join);
        if (list !== null) {
            used.lists.add(list);
            return { ...own(list, name, words, used), joined: true, ofRow: true, read: ns.lists.reader(list, name) };
        }
        const route = (ns.kinds.JOINS[type] || {})[join];
        if (route === undefined) {
            ns.fail(words.join, `An ${words.object} contains an invalid join ID, or is not in proper syntax: ${join}.`);
        }
        const [target, key] = route;
        used.joins.add(target);
        const below = new Used();
        const found = own(target, name, words, below);
        if (below.lists.size > 0 && !below.lists.has('addresses')) {
            ns.fail('SANDBOX_NOT_SUPPORTED', `this sandbox account does not multiply rows by ${join}.${name}`);
        }
        const { byId } = ns.store.table(target);
        return {
            ...found,
            joined: true,
            ofRow: key.length > 1,
            read: (record, row) => {
                const other = byId.get(Number(key(record, row)));
                return other === undefined ? null : found.read(other, target === 'transaction' ? null : undefined);
            },
        };
    };

    /** A column of a search; one that doesn't exist is refused. */
    ns.columnField = (type, name, join, used = new Used()) => {
        if (join) {
            return joined(type, join, name, COLUMNS, used);
        }
        if (FORMULAS[name] !== undefined) {
            return { name, type: FORMULAS[name], list: undefined, text: String, ofRow: true, read: () => null };
        }
        return own(type, name, COLUMNS, used);
    };

    /** A field that a search filters by; one that doesn't exist is refused. */
    ns.filterField = (type, name, join, used = new Used()) => (
        join ? joined(type, join, name, FILTERS, used) : own(type, name, FILTERS, used)
    );

    ns.Used = Used;
})();
