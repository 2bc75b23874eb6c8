// What a search may ask of a record type, and how a value is read and shown.
//
// A field is `{ type, read(record, line), text(value) }`: `read` gives the stored value (line is undefined for types without lines and
// null for a transaction's header row), `text` the words of a select.
'use strict';

(() => {
    const TEXT_LIMIT = 4000; // bytes; longer text is cut in search results

    // Types of search that are parts of another: the field to compare and its values.
    const PARTS = {
        lead: ['customer', 'stage', ['LEAD']],
        prospect: ['customer', 'stage', ['PROSPECT']],
        salesorder: ['transaction', 'type', ['SalesOrd']],
        invoice: ['transaction', 'type', ['CustInvc']],
        cashsale: ['transaction', 'type', ['CashSale']],
        cashrefund: ['transaction', 'type', ['CashRfnd']],
        creditmemo: ['transaction', 'type', ['CustCred']],
        inventoryitem: ['item', 'type', ['InvtPart']],
        noninventoryitem: ['item', 'type', ['NonInvtPart']],
        assemblyitem: ['item', 'type', ['Assembly']],
        kititem: ['item', 'type', ['Kit']],
    };
    const RECORD_TYPES = {
        item: { InvtPart: 'inventoryitem', NonInvtPart: 'noninventoryitem', Assembly: 'assemblyitem', Kit: 'kititem',
            Service: 'serviceitem', ShipItem: 'shipitem', Discount: 'discountitem' },
        transaction: { SalesOrd: 'salesorder', CustInvc: 'invoice', CashSale: 'cashsale', CashRfnd: 'cashrefund', CustCred: 'creditmemo' },
        customer: { LEAD: 'lead', PROSPECT: 'prospect', CUSTOMER: 'customer' },
    };
    const STATUS_WORDS = {
        'SalesOrd:A': ['pendingApproval', 'Pending Approval'], 'SalesOrd:B': ['pendingFulfillment', 'Pending Fulfillment'],
        'SalesOrd:C': ['cancelled', 'Cancelled'], 'SalesOrd:D': ['partiallyFulfilled', 'Partially Fulfilled'],
        'SalesOrd:E': ['pendingBillingPartFulfilled', 'Pending Billing/Partially Fulfilled'],
        'SalesOrd:F': ['pendingBilling', 'Pending Billing'], 'SalesOrd:G': ['fullyBilled', 'Billed'], 'SalesOrd:H': ['closed', 'Closed'],
        'CustInvc:A': ['open', 'Open'], 'CustInvc:B': ['paidInFull', 'Paid In Full'],
        'CashSale:A': ['unapprovedPayment', 'Unapproved Payment'], 'CashSale:B': ['notDeposited', 'Not Deposited'],
        'CashSale:C': ['deposited', 'Deposited'], 'CustCred:A': ['open', 'Open'], 'CustCred:B': ['fullyApplied', 'Fully Applied'],
        'CashRfnd:Y': ['undefined', ''],
    };
    // Which list a select's text comes from; a name that is a table means that record's name.
    const LISTS = {
        customer: { globalsubscriptionstatus: 'subscription', pricelevel: 'pricelevel', stage: 'stage', subsidiary: 'subsidiary',
            salesrep: 'employee', category: 'customercategory', territory: 'territory', state: 'state', country: 'country',
            currency: 'currency' },
        contact: { globalsubscriptionstatus: 'subscription', company: 'customer', subsidiary: 'subsidiary' },
        item: { type: 'itemtype', parent: 'item', subsidiary: 'subsidiary' },
        transaction: { type: 'transactiontype', entity: 'customer', mainname: 'customer', currency: 'currency', item: 'item',
            createdfrom: 'transaction', subsidiary: 'subsidiary', salesrep: 'employee', taxcode: 'taxcode' },
        deletedrecord: { deletedby: 'employee' },
    };
    // join -> [table, how to get at its record]
    const JOINS = {
        transaction: {
            item: ['item', (record, line) => (line ? line.item : null)],
            customer: ['customer', (record) => record.entity],
            customermain: ['customer', (record) => record.entity],
            createdfrom: ['transaction', (record) => record.createdfrom],
        },
        item: { parent: ['item', (record) => record.parent] },
        contact: { customer: ['customer', (record) => record.company], company: ['customer', (record) => record.company] },
    };
    const FORMULAS = { formulatext: 'text', formulanumeric: 'float', formulacurrency: 'currency', formulapercent: 'percent',
        formuladate: 'date', formuladatetime: 'datetime' };

    const nameOf = (type, id) => {
        const record = ns.store.tables[type].byId.get(Number(id));
        if (record === undefined) {
            return null;
        }
        if (type === 'item') {
            return record.itemid;
        }
        if (type === 'transaction') {
            return `${listText('transactiontype', record.type)} #${record.tranid}`;
        }
        const name = record.companyname || [record.firstname, record.lastname].filter(Boolean).join(' ');
        return name && name !== record.entityid ? `${record.entityid} ${name}` : record.entityid;
    };

    function listText(list, id) {
        if (list === undefined) {
            return String(id);
        }
        const named = ns.store.lists[list];
        if (named !== undefined && named[id] !== undefined) {
            return named[id];
        }
        const name = ns.store.tables[list] === undefined ? null : nameOf(list, id);
        return name === null ? String(id) : name;
    }

    // ---- stored values ------------------------------------------------------------------------------------------------

    const LINE_KINDS = { tax: 'TAX', shipping: 'SHIPPING', cogs: 'COGS', item: 'ITEM' };
    const round = (number) => Math.round(number * 100) / 100;
    const foreign = (amount, record) => (amount === null ? null : round(amount / (record.exchangerate || 1)));
    const amountOf = (record, line) => (line ? line.amount : record.total);

    // Fields that are worked out, or that differ between the header row and the lines.
    const READERS = {
        transaction: {
            mainline: (record, line) => line === null,
            taxline: (record, line) => line !== null && line.kind === 'tax',
            shipping: (record, line) => line !== null && line.kind === 'shipping',
            cogs: (record, line) => line !== null && line.kind === 'cogs',
            transactionlinetype: (record, line) => (line === null ? null : LINE_KINDS[line.kind]),
            line: (record, line) => (line === null ? 0 : line.line),
            lineuniquekey: (record, line) => (line === null ? record : line).lineuniquekey,
            item: (record, line) => (line === null ? null : line.item),
            quantity: (record, line) => (line === null ? null : line.quantity),
            rate: (record, line) => (line === null ? null : line.rate),
            amount: amountOf,
            netamount: amountOf,
            grossamount: amountOf,
            signedamount: amountOf,
            fxamount: (record, line) => foreign(amountOf(record, line), record),
            memo: (record, line) => (line === null ? record.memo : line.memo),
            memomain: (record) => record.memo,
            mainname: (record) => record.entity,
            recordtype: (record) => ns.recordType('transaction', record),
            status: (record) => record.status,
            statusref: (record) => record.status,
        },
        item: { modified: (record) => record.lastmodifieddate },
        customer: { altname: (record) => record.companyname || [record.firstname, record.lastname].filter(Boolean).join(' ') },
        contact: {},
        deletedrecord: {},
    };

    const readerOf = (type, name) => {
        const reader = READERS[type][name];
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

    const field = (type, name, kind) => {
        const custom = ns.store.customFields[type][name];
        const list = custom === undefined ? ns.store.fieldLists[type][name] || LISTS[type][name] : custom.list;
        const text = name === 'statusref' || name === 'status'
            ? (value) => (STATUS_WORDS[value] || [value, value])[1]
            : (value) => listText(list, value);
        return { name, type: custom === undefined ? kind : custom.type, list, read: readerOf(type, name), text };
    };

    /** The table that a search type reads and, for a part of one, the field and the values that it is limited to. */
    ns.searchTable = (type) => {
        const lower = String(type).toLowerCase();
        if (PARTS[lower] !== undefined) {
            return PARTS[lower];
        }
        if (ns.store.tables[lower] === undefined) {
            ns.fail('INVALID_SEARCH_TYPE', `Invalid search type: ${type}`);
        }
        return [lower, null, null];
    };

    const joined = (type, join, column, make) => {
        const route = (JOINS[type] || {})[join];
        if (route === undefined) {
            const kind = column ? 'SSS_INVALID_SRCH_COL_JOIN' : 'SSS_INVALID_SRCH_FILTER_JOIN';
            const object = column ? 'nlobjSearchColumn' : 'nlobjSearchFilter';
            ns.fail(kind, `An ${object} contains an invalid join ID, or is not in proper syntax: ${join}.`);
        }
        const [target, key] = route;
        const found = make(target);
        const { byId } = ns.store.tables[target];
        return {
            ...found,
            joined: true,
            read: (record, line) => {
                const other = byId.get(Number(key(record, line)));
                return other === undefined ? null : found.read(other, target === 'transaction' ? null : undefined);
            },
        };
    };

    const known = (type, name, side) => {
        if (ns.store.customFields[type][name] !== undefined) {
            return ns.store.customFields[type][name].type;
        }
        return ns.catalogue.records[type][side][name];
    };

    /** A column of a search; one that doesn't exist is refused. */
    ns.columnField = (type, name, join) => {
        if (join) {
            return joined(type, join, true, (target) => ns.columnField(target, name, null));
        }
        if (FORMULAS[name] !== undefined) {
            return { name, type: FORMULAS[name], list: undefined, text: String, read: () => null };
        }
        const kind = known(type, name, 'columns');
        if (kind === undefined) {
            ns.fail('SSS_INVALID_SRCH_COL', `An nlobjSearchColumn contains an invalid column, or is not in proper syntax: ${name}.`);
        }
        return field(type, name, kind);
    };

    /** A field that a search filters by; one that doesn't exist is refused. */
    ns.filterField = (type, name, join) => {
        if (join) {
            return joined(type, join, false, (target) => ns.filterField(target, name, null));
        }
        const kind = known(type, name, 'filters');
        if (kind === undefined) {
            ns.fail('SSS_INVALID_SRCH_FILTER', `An nlobjSearchFilter contains invalid filter, or is not in proper syntax: ${name}.`);
        }
        return field(type, name, kind);
    };

    ns.recordType = (type, record) => {
        const kinds = RECORD_TYPES[type];
        return kinds === undefined ? type : kinds[type === 'customer' ? record.stage : record.type] || type;
    };

    // ---- values as searches give them -----------------------------------------------------------------------------------

    const cut = (text) => {
        if (text.length * 3 <= TEXT_LIMIT || ns.utf8Length(text) <= TEXT_LIMIT) {
            return text;
        }
        let kept = text.slice(0, TEXT_LIMIT);
        while (ns.utf8Length(kept) > TEXT_LIMIT) {
            const over = ns.utf8Length(kept) - TEXT_LIMIT;
            kept = kept.slice(0, -Math.max(1, Math.floor(over / 3)));
        }
        const last = kept.charCodeAt(kept.length - 1);
        return last >= 0xd800 && last <= 0xdbff ? kept.slice(0, -1) : kept;
    };

    const money = (number) => number.toFixed(2).replace(/^(-?)0\./, '$1.');

    const SHOW = {
        checkbox: (value) => value === true,
        currency: money,
        currency2: (value) => (Math.abs(value * 100 - Math.round(value * 100)) < 1e-9 ? money(value) : String(value)),
        percent: (value) => `${value}%`,
        date: (value) => ns.dates.showDate(value),
        datetime: (value) => ns.dates.showMoment(value),
        datetimetz: (value) => ns.dates.showMoment(value),
        multiselect: (value) => (Array.isArray(value) ? value.join(',') : String(value)),
    };

    /** A value as Result.getValue gives it: true or false for a check box, text otherwise, '' for nothing. */
    ns.showValue = (known_, value) => {
        if (known_.name === 'mainline') {
            return value ? '*' : '';
        }
        if (value === null || value === undefined || value === '') {
            return known_.type === 'checkbox' && !known_.joined ? false : '';
        }
        if (known_.name === 'statusref' || known_.name === 'status') {
            return (STATUS_WORDS[value] || [value])[0];
        }
        const show = SHOW[known_.type];
        return show === undefined ? cut(String(value)) : show(value);
    };

    /** The words of a select, as Result.getText gives them. */
    ns.showText = (known_, value) => {
        if (value === null || value === undefined || value === '') {
            return '';
        }
        return Array.isArray(value) ? value.map(known_.text).join(',') : known_.text(value);
    };
})();
