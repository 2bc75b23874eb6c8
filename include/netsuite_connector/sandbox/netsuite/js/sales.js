// Generated transactions with their lines: items, cost of goods, shipping and tax.
'use strict';

(() => {
    const { DAY, cents, chance, minute, stamps } = ns.chance;

    const RATES = { 1: 1, 2: 1.27, 3: 1.09, 4: 0.00105 };
    const STATUSES = {
        SalesOrd: [['G', 60], ['B', 15], ['F', 10], ['D', 5], ['H', 5], ['C', 3], ['A', 2]],
        CashSale: [['C', 70], ['B', 30]],
        CustInvc: [['B', 70], ['A', 30]],
        CustCred: [['B', 60], ['A', 40]],
        CashRfnd: [['Y', 1]],
    };
    const POSTING = ['CustInvc', 'CashSale'];
    const CREDITS = ['CustCred', 'CashRfnd'];
    const SOLD = ['InvtPart', 'NonInvtPart', 'Assembly', 'Kit'];
    const PREFIX = { SalesOrd: 'SO', CashSale: 'CS', CustInvc: 'INV', CustCred: 'CM', CashRfnd: 'CR' };

    const goods = (luck, sellable, rate, sign) => Array.from({ length: luck.between(1, 6) }, () => {
        const sold = luck.pick(sellable);
        const quantity = luck.weighted([[1, 60], [2, 22], [3, 8], [4, 5], [5, 3], [12, 2]]);
        const price = cents((sold.baseprice === null ? 10 : sold.baseprice * (luck.holds(0.2) ? 0.85 : 1)) / rate);
        return {
            kind: 'item',
            item: String(sold.internalid),
            quantity: quantity * sign,
            rate: price,
            amount: cents(quantity * price * rate) * sign,
            memo: sold.salesdescription.slice(0, 60),
            stocked: sold.quantityavailable !== null,
            custcol_gift_note: luck.holds(0.05) ? luck.pick(ns.words.giftNotes) : '',
        };
    });

    const extras = (luck, type, sold, sign) => {
        const net = sold.reduce((sum, { amount }) => sum + amount, 0);
        const lines = [];
        if (POSTING.includes(type)) {
            // What leaves stock is booked twice: as cost and out of the asset account.
            sold.filter(({ stocked }) => stocked).forEach((line) => {
                const cost = cents(line.amount * 0.4);
                const { item, quantity } = line;
                lines.push({ kind: 'cogs', item, quantity, rate: null, amount: cost, memo: '' });
                lines.push({ kind: 'cogs', item, quantity, rate: null, amount: -cost, memo: '' });
            });
        }
        if (luck.holds(0.7)) {
            const amount = luck.pick([4.95, 7.5, 12]) * sign;
            const item = String(ns.generateItems.SHIPPING);
            lines.push({ kind: 'shipping', item, quantity: null, rate: Math.abs(amount), amount, memo: 'Shipping' });
        }
        if (luck.holds(0.6)) {
            lines.push({ kind: 'tax', item: null, quantity: null, rate: 8, amount: cents(net * 0.08), memo: 'Sales tax' });
        }
        return lines;
    };

    ns.sales = { RATES, goods, extras, isSold: ({ type, matrix }) => SOLD.includes(type) && !matrix };

    /** So many orders, invoices, cash sales and credits up to a moment, and invoices of billed orders besides. */
    ns.generateTransactions = (seed, size, now, customers, all) => {
        const luck = chance(seed, 'transactions');
        const made = stamps(luck, size, now, 0.05);
        const buyers = customers.filter(({ stage }) => stage === 'CUSTOMER');
        const sellable = all.filter(ns.sales.isSold);
        const numbers = {};
        const list = [];
        let id = 20000;
        let key = 50000;

        const buyer = () => {
            const first = luck.pick(buyers);
            return /^[^@\s;]+@[^@\s;.]+\.example$/.test(first.email) || luck.holds(0.25) ? first : luck.pick(buyers);
        };

        const add = (type, when, from, entity) => {
            id += luck.between(1, 2);
            numbers[type] = (numbers[type] || 0) + 1;
            const { currency, subsidiary } = ns.words.countries[entity.country];
            const rate = RATES[currency];
            const sign = CREDITS.includes(type) ? -1 : 1;
            const sold = from === null ? goods(luck, sellable, rate, sign)
                : from.lines.filter(({ kind }) => kind === 'item').map((line) => ({ ...line, stocked: true }));
            const header = {
                internalid: id,
                lineuniquekey: key += 1,
                type,
                tranid: `${PREFIX[type]}${String(numbers[type]).padStart(7, '0')}`,
                trandate: ns.dates.isoDate(ns.dates.onClock(when, ns.settings.timezone)),
                datecreated: minute(when),
                lastmodifieddate: minute(luck.holds(0.4) ? when : Math.min(now, when + luck.below(10 * DAY))),
                entity: String(entity.internalid),
                status: `${type}:${luck.weighted(STATUSES[type])}`,
                currency,
                exchangerate: rate,
                total: 0,
                email: luck.holds(0.97) ? entity.email : `guest${id}@${luck.pick(ns.words.domains)}`,
                website: luck.holds(0.6) ? (id % 5 === 0 ? '2' : '1') : null,
                source: null,
                shipcountrycode: entity.country,
                subsidiary,
                createdfrom: from === null ? null : String(from.internalid),
                memo: luck.holds(0.05) ? luck.pick(ns.words.memos) : '',
                custbody_order_channel: luck.holds(0.7) ? luck.pick(['Web', 'Phone', 'POS', 'Marketplace']) : '',
            };
            header.source = header.website === null ? null : '1';
            header.lines = sold.concat(extras(luck, type, sold, sign)).map(({ stocked, ...line }, index) => (
                { ...line, line: index + 1, lineuniquekey: key += 1 }
            ));
            header.total = cents(header.lines.reduce((sum, { amount }) => sum + amount, 0));
            list.push(header);
            return header;
        };

        for (let index = 0; index < size && buyers.length > 0 && sellable.length > 0; index += 1) {
            const type = luck.weighted([['SalesOrd', 80], ['CashSale', 10], ['CustInvc', 5], ['CustCred', 3], ['CashRfnd', 2]]);
            const when = made(index);
            const entity = buyer();
            const order = add(type, when, null, entity);
            if (!CREDITS.includes(type)) {
                const date = order.trandate;
                entity.firstorderdate = entity.firstorderdate === null || date < entity.firstorderdate ? date : entity.firstorderdate;
                entity.lastorderdate = entity.lastorderdate === null || date > entity.lastorderdate ? date : entity.lastorderdate;
            }
            if (order.status === 'SalesOrd:G' && luck.holds(0.5)) {
                add('CustInvc', Math.min(now, when + luck.below(3 * DAY)), order, entity);
            }
        }
        return list;
    };
})();
