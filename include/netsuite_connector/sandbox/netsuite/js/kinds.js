// The kinds of record of an account: which search types read which table, what a record of a table is called, which list the words of
// a select come from, and which joins there are.
'use strict';

(() => {
    // Search types that are parts of a table: the table, the field to compare and its values.
    const PARTS = {
        lead: ['customer', 'stage', ['LEAD']],
        prospect: ['customer', 'stage', ['PROSPECT']],
    };
    const RECORD_TYPES = {
        item: { InvtPart: 'inventoryitem', NonInvtPart: 'noninventoryitem', Assembly: 'assemblyitem', Kit: 'kititem',
            Service: 'serviceitem', ShipItem: 'shipitem', Discount: 'discountitem' },
        transaction: { SalesOrd: 'salesorder', CustInvc: 'invoice', CashSale: 'cashsale', CashRfnd: 'cashrefund', CustCred: 'creditmemo',
            Estimate: 'estimate', Opprtnty: 'opportunity', ItemShip: 'itemfulfillment', RtnAuth: 'returnauthorization' },
        customer: { LEAD: 'lead', PROSPECT: 'prospect', CUSTOMER: 'customer' },
    };
    ['item', 'transaction'].forEach((table) => Object.entries(RECORD_TYPES[table]).forEach(([value, name]) => {
        PARTS[name] = [table, 'type', [value]];
    }));

    // Filters take the code, columns give the word and its text.
    const STATUSES = {
        SalesOrd: { A: ['pendingApproval', 'Pending Approval'], B: ['pendingFulfillment', 'Pending Fulfillment'],
            C: ['cancelled', 'Cancelled'], D: ['partiallyFulfilled', 'Partially Fulfilled'],
            E: ['pendingBillingPartFulfilled', 'Pending Billing/Partially Fulfilled'], F: ['pendingBilling', 'Pending Billing'],
            G: ['fullyBilled', 'Billed'], H: ['closed', 'Closed'] },
        CustInvc: { A: ['open', 'Open'], B: ['paidInFull', 'Paid In Full'] },
        CashSale: { A: ['unapprovedPayment', 'Unapproved Payment'], B: ['notDeposited', 'Not Deposited'], C: ['deposited', 'Deposited'] },
        CustCred: { A: ['open', 'Open'], B: ['fullyApplied', 'Fully Applied'] },
        CashRfnd: { Y: ['undefined', ''] },
        Estimate: { A: ['open', 'Open'], B: ['processed', 'Processed'], C: ['closed', 'Closed'], V: ['voided', 'Voided'],
            X: ['expired', 'Expired'] },
        Opprtnty: { A: ['inProgress', 'In Progress'], B: ['issuedQuote', 'Issued Quote'], C: ['closedWon', 'Closed - Won'],
            D: ['closedLost', 'Closed - Lost'] },
        ItemShip: { A: ['picked', 'Picked'], B: ['packed', 'Packed'], C: ['shipped', 'Shipped'] },
        RtnAuth: { A: ['pendingApproval', 'Pending Approval'], B: ['pendingReceipt', 'Pending Receipt'], C: ['cancelled', 'Cancelled'],
            D: ['partiallyReceived', 'Partially Received'],
            E: ['pendingRefundPartReceived', 'Pending Refund/Partially Received'], F: ['pendingRefund', 'Pending Refund'],
            G: ['refunded', 'Refunded'], H: ['closed', 'Closed'] },
    };

    // Which list the words of a select come from; a name that is a table means that record's name.
    const LISTS = {
        customer: { globalsubscriptionstatus: 'subscription', pricelevel: 'pricelevel', stage: 'stage', subsidiary: 'subsidiary',
            salesrep: 'employee', category: 'customercategory', territory: 'territory', state: 'state', country: 'country',
            currency: 'currency', parent: 'customer', sourcesite: 'website', assignedsite: 'website', entitystatus: 'entitystatus',
            language: 'language' },
        contact: { globalsubscriptionstatus: 'subscription', company: 'customer', subsidiary: 'subsidiary' },
        item: { type: 'itemtype', parent: 'item', subsidiary: 'subsidiary', website: 'website', storedisplayimage: 'file',
            storedisplaythumbnail: 'file', inventorylocation: 'location', location: 'location', memberitem: 'item' },
        pricing: { pricelevel: 'pricelevel', currency: 'currency', customer: 'customer', item: 'item' },
        transaction: { type: 'transactiontype', entity: 'customer', mainname: 'customer', currency: 'currency', item: 'item',
            createdfrom: 'transaction', opportunity: 'transaction', subsidiary: 'subsidiary', salesrep: 'employee', taxcode: 'taxcode',
            website: 'website', source: 'transactionsource', shipmethod: 'shipmethod', shipcarrier: 'shipcarrier',
            entitystatus: 'entitystatus', location: 'location', leadsource: 'leadsource' },
        supportcase: { company: 'customer', contact: 'contact', item: 'item', assigned: 'employee', status: 'casestatus',
            priority: 'casepriority', category: 'casetype', origin: 'caseorigin', subsidiary: 'subsidiary' },
        file: { folder: 'folder', filetype: 'filetype', owner: 'employee' },
        folder: { parent: 'folder', owner: 'employee' },
        deletedrecord: { deletedby: 'employee' },
    };

    // Table -> join -> [table, how to get at the id of its record].
    const JOINS = {
        transaction: {
            item: ['item', (record, line) => (line ? line.item : null)],
            customer: ['customer', (record) => record.entity],
            customermain: ['customer', (record) => record.entity],
            createdfrom: ['transaction', (record) => record.createdfrom],
            opportunity: ['transaction', (record) => record.opportunity],
        },
        item: { parent: ['item', (record) => record.parent] },
        customer: { parentcustomer: ['customer', (record) => record.parent] },
        contact: {
            customer: ['customer', (record) => record.company],
            customerprimary: ['customer', (record) => record.company],
            company: ['customer', (record) => record.company],
        },
        supportcase: {
            customer: ['customer', (record) => record.company],
            company: ['customer', (record) => record.company],
            contact: ['contact', (record) => record.contact],
            item: ['item', (record) => record.item],
        },
    };

    // The platform's own words in other languages than English; names that users give to things are not translated.
    const LANGUAGES = {
        es: { None: 'Ninguno', 'Sales Order': 'Orden de venta', Invoice: 'Factura', 'Cash Sale': 'Venta en efectivo',
            'Credit Memo': 'Nota de crédito', 'Cash Refund': 'Reembolso en efectivo', Quote: 'Cotización', Opportunity: 'Oportunidad',
            'Item Fulfillment': 'Cumplimiento de artículo', 'Return Authorization': 'Autorización de devolución',
            'Pending Approval': 'Aprobación pendiente', 'Pending Fulfillment': 'Cumplimiento pendiente', Cancelled: 'Cancelado',
            'Partially Fulfilled': 'Parcialmente cumplido', 'Pending Billing': 'Facturación pendiente', Billed: 'Facturado',
            Closed: 'Cerrado', Open: 'Abierto', 'Paid In Full': 'Pagado en su totalidad', Shipped: 'Enviado', Lead: 'Cliente potencial',
            Prospect: 'Prospecto', Customer: 'Cliente', 'Inventory Item': 'Artículo de inventario', 'Soft Opt-In': 'Aceptación tácita',
            'Soft Opt-Out': 'Rechazo tácito', 'Confirmed Opt-In': 'Aceptación confirmada', 'Confirmed Opt-Out': 'Rechazo confirmado' },
        de: { None: 'Kein', 'Sales Order': 'Kundenauftrag', Invoice: 'Rechnung', 'Cash Sale': 'Barverkauf', 'Credit Memo': 'Gutschrift',
            'Cash Refund': 'Barrückerstattung', Quote: 'Angebot', Opportunity: 'Verkaufschance', 'Item Fulfillment': 'Artikelausführung',
            'Return Authorization': 'Rücksendegenehmigung', 'Pending Approval': 'Genehmigung ausstehend',
            'Pending Fulfillment': 'Ausführung ausstehend', Cancelled: 'Storniert', 'Partially Fulfilled': 'Teilweise ausgeführt',
            'Pending Billing': 'Fakturierung ausstehend', Billed: 'Fakturiert', Closed: 'Geschlossen', Open: 'Offen',
            'Paid In Full': 'Vollständig bezahlt', Shipped: 'Versandt', Lead: 'Lead', Prospect: 'Interessent', Customer: 'Kunde',
            'Inventory Item': 'Lagerartikel', 'Soft Opt-In': 'Stillschweigende Zustimmung',
            'Soft Opt-Out': 'Stillschweigende Ablehnung', 'Confirmed Opt-In': 'Bestätigte Zustimmung',
            'Confirmed Opt-Out': 'Bestätigte Ablehnung' },
    };
    const OWN_LISTS = ['subscription', 'stage', 'itemtype', 'transactiontype'];

    const spoken = (text) => (LANGUAGES[ns.settings.language.slice(0, 2)] || {})[text] || text;

    const nameOf = (type, id) => {
        const record = ns.store.tables[type].byId.get(Number(id));
        if (record === undefined) {
            return null;
        }
        switch (type) {
        case 'item': return record.itemid;
        case 'transaction': return `${listText('transactiontype', record.type)} #${record.tranid}`;
        case 'file': return record.name;
        case 'folder': return record.parent ? `${nameOf('folder', record.parent)} : ${record.name}` : record.name;
        case 'supportcase': return `${record.casenumber} ${record.title}`;
        default: {
            const name = record.companyname || [record.firstname, record.lastname].filter(Boolean).join(' ');
            return name && name !== record.entityid ? `${record.entityid} ${name}` : String(record.entityid || record.name || id);
        }
        }
    };

    /** The words of a value of a list; the value itself where it has none. */
    function listText(list, id) {
        if (list === undefined) {
            return String(id);
        }
        const named = ns.store.lists[list];
        if (named !== undefined && named[id] !== undefined) {
            return OWN_LISTS.includes(list) ? spoken(named[id]) : named[id];
        }
        const name = ns.store.tables[list] === undefined ? null : nameOf(list, id);
        return name === null ? String(id) : name;
    }

    /** A transaction's status as `[word, text]`, from its code such as `SalesOrd:B`. */
    const statusWords = (code) => {
        const [type, letter] = String(code).split(':');
        const [word, text] = (STATUSES[type] || {})[letter] || [code, code];
        return [word, spoken(text)];
    };

    /** The table that a search type reads and, for a part of one, the field and the values that it is limited to. */
    const searchTable = (type) => {
        const lower = String(type).toLowerCase();
        const found = PARTS[lower] || [lower, null, null];
        if (ns.store.tables[found[0]] === undefined) {
            ns.fail('INVALID_SEARCH_TYPE', `Invalid search type: ${type}`);
        }
        ns.demand(found[0], 'VIEW');
        return found;
    };

    const recordType = (type, record) => {
        const kinds = RECORD_TYPES[type];
        return kinds === undefined ? type : kinds[type === 'customer' ? record.stage : record.type] || type;
    };

    ns.kinds = { JOINS, LISTS, listText, spoken, statusWords };
    Object.assign(ns, { recordType, searchTable });
})();
