// Generated transactions around the orders: opportunities and quotes before them, fulfilments after them, returns and what is paid back
// for those. They stand above the orders' internal ids and have a stream of chance of their own, so the orders stay as they are, but
// for the quote that some came of and for the partial fulfilment of those that are partially fulfilled.
'use strict';

(() => {
    const { DAY, YEARS, cents, chance, minute } = ns.chance;

    const PREFIX = { Opprtnty: 'OPP', Estimate: 'QU', ItemShip: 'IF', RtnAuth: 'RMA', CustCred: 'CMR', CashRfnd: 'CRR' };
    const STATES = Object.fromEntries(Object.keys(PREFIX).map((type) => (
        [type, Object.fromEntries([...'ABCDEFGHVXY'].map((letter) => [letter, `${type}:${letter}`]))]
    )));
    // Probability of an opportunity and its sales status by its state.
    const PROSPECTS = { A: [40, '7'], B: [60, '10'], C: [100, '13'], D: [0, '14'] };

    const itemLines = ({ lines }) => lines.filter(({ kind }) => kind === 'item');

    /** All of it: transactions `before` and after the given ones, which it completes. */
    ns.generateChains = (seed, now, customers, items, sold) => {
        const luck = chance(seed, 'chains');
        const numbers = {};
        const list = [];
        const last = sold[sold.length - 1];
        let id = last === undefined ? 0 : last.internalid;
        let key = last === undefined ? 0 : last.lines.reduce((most, line) => Math.max(most, line.lineuniquekey), last.lineuniquekey);

        const day = (when) => ns.dates.isoDate(ns.dates.onClock(when, ns.settings.timezone));
        const after = (when, least, most) => Math.min(now, when + least * DAY + luck.below((most - least) * DAY));
        const before = (when, days) => Math.max(now - YEARS, when - luck.below(days * DAY));

        // There are hundreds of thousands of these, so they are made in one piece: V8 keeps an object that grows in twice the room.
        const add = (type, state, when, of, lines, more = {}) => {
            id += luck.between(1, 2);
            numbers[type] = (numbers[type] || 0) + 1;
            const header = {
                internalid: id,
                lineuniquekey: key += 1,
                type,
                tranid: `${PREFIX[type]}${String(numbers[type]).padStart(7, '0')}`,
                trandate: day(when),
                datecreated: minute(when),
                lastmodifieddate: minute(Math.min(now, when + luck.below(5 * DAY))),
                status: STATES[type][state],
                entity: of.entity,
                currency: of.currency,
                exchangerate: of.exchangerate,
                email: of.email,
                website: of.website,
                shipcountrycode: of.shipcountrycode,
                subsidiary: of.subsidiary,
                createdfrom: null,
                memo: '',
                total: cents(lines.reduce((sum, { amount }) => sum + amount, 0)),
                custbody_order_channel: of.custbody_order_channel,
                ...more,
                lines: lines.map(({ kind, item, quantity, rate, amount, memo }, index) => (
                    { kind, item, quantity, rate, amount, memo, line: index + 1, lineuniquekey: key += 1 }
                )),
            };
            list.push(header);
            return header;
        };

        // ---- before an order ------------------------------------------------------------------------------------------------

        const opportunity = (state, when, of, lines) => {
            const [probability, entitystatus] = PROSPECTS[state];
            const expected = when + luck.between(10, 90) * DAY;
            const made = add('Opprtnty', state, when, of, lines, { title: luck.pick(ns.words.opportunities), probability, entitystatus,
                expectedclosedate: day(expected), closedate: state === 'C' || state === 'D' ? day(Math.min(now, expected)) : null });
            made.projectedamount = made.total;
            return made;
        };

        const quote = (state, when, of, lines) => {
            const from = luck.holds(0.4)
                ? opportunity({ B: 'C', A: 'B' }[state] || 'D', before(when, 15), of, lines.filter(({ kind }) => kind === 'item')) : null;
            const source = from === null ? null : String(from.internalid);
            return add('Estimate', state, when, of, lines, { title: luck.pick(ns.words.opportunities), createdfrom: source,
                opportunity: source, duedate: day(when + 30 * DAY), probability: { B: 100, A: 50 }[state] || 0 });
        };

        /** What a customer or prospect who has not ordered yet is offered. */
        const offer = (people, sellable) => {
            const entity = luck.pick(people);
            const { currency, subsidiary } = ns.words.countries[entity.country];
            const rate = ns.sales.RATES[currency];
            const of = { entity: String(entity.internalid), currency, exchangerate: rate, email: entity.email, website: null,
                shipcountrycode: entity.country, subsidiary, custbody_order_channel: '' };
            const lines = ns.sales.goods(luck, sellable, rate, 1).map(({ stocked, ...line }) => line);
            const when = now - luck.below(YEARS);
            if (luck.holds(0.4)) {
                opportunity(luck.weighted([['A', 50], ['B', 20], ['D', 30]]), when, of, luck.holds(0.2) ? [] : lines);
            } else {
                quote(luck.weighted([['A', 30], ['X', 40], ['C', 25], ['V', 5]]), when, of, lines);
            }
        };

        // ---- after an order -------------------------------------------------------------------------------------------------

        const tracking = () => {
            const one = () => `1Z${luck.between(1e8, 1e9 - 1)}`;
            return luck.holds(0.1) ? `${one()}<BR>${one()}` : one();
        };

        const fulfilment = (order, when, lines) => {
            const state = luck.weighted([['C', 90], ['B', 6], ['A', 4]]);
            const shipped = state === 'C';
            const shipdate = day(when);
            add('ItemShip', state, when, order, lines.map(({ item, quantity, memo }) => (
                { kind: 'item', item, quantity, rate: null, amount: 0, memo }
            )), { createdfrom: String(order.internalid), trackingnumbers: shipped && luck.holds(0.95) ? tracking() : '',
                shipmethod: luck.weighted([['41', 70], ['42', 25], ['43', 5]]), shipcarrier: 'ups', shipdate,
                actualshipdate: shipped ? shipdate : null });
        };

        /** Ships a part of an order's lines and says so on them. */
        const shipSome = (order, when) => {
            const lines = itemLines(order);
            const some = lines.slice(0, Math.ceil(lines.length / 2)).map((line) => (
                { ...line, quantity: lines.length === 1 ? Math.ceil(line.quantity / 2) : line.quantity }
            ));
            lines.forEach((line, index) => {
                line.quantityshiprecv = index < some.length ? some[index].quantity : 0;
                line.quantitybilled = order.status === 'SalesOrd:E' ? line.quantityshiprecv : 0;
            });
            fulfilment(order, when, some);
        };

        const ship = (order, when) => {
            if (order.custbody_order_channel === 'POS') {
                return; // handed over the counter
            }
            const lines = itemLines(order);
            const split = lines.length > 1 && luck.holds(0.1) ? luck.between(1, lines.length - 1) : lines.length;
            fulfilment(order, after(when, 0, 4), lines.slice(0, split));
            if (split < lines.length) {
                fulfilment(order, after(when, 4, 12), lines.slice(split));
            }
        };

        /** Some lines come back; what was refunded is a credit memo, or a cash refund where there was a cash sale. */
        const giveBack = (order, billed, when) => {
            const back = itemLines(order).filter(() => luck.holds(0.6)).map(({ item, quantity, rate, amount, memo }) => (
                { kind: 'item', item, quantity: -quantity, rate, amount: -amount, memo }
            ));
            if (back.length === 0) {
                return;
            }
            const of = billed !== undefined && luck.holds(0.5) ? billed : order;
            const state = luck.weighted([['G', 55], ['B', 15], ['F', 10], ['H', 8], ['A', 5], ['C', 4], ['D', 3]]);
            const asked = add('RtnAuth', state, after(when, 5, 40), of, back, { createdfrom: String(of.internalid) });
            if (state === 'G') {
                const [type, paid] = order.type === 'CashSale' ? ['CashRfnd', 'Y'] : ['CustCred', luck.holds(0.7) ? 'B' : 'A'];
                add(type, paid, after(Date.parse(asked.datecreated), 1, 10), asked, back, { createdfrom: String(asked.internalid) });
            }
        };

        // ---- all of it ------------------------------------------------------------------------------------------------------

        const invoices = new Map(sold.filter(({ type, createdfrom }) => type === 'CustInvc' && createdfrom !== null)
            .map((invoice) => [invoice.createdfrom, invoice]));
        sold.forEach((order) => {
            const when = Date.parse(order.datecreated);
            if (order.type === 'CashSale' && luck.holds(0.03)) {
                giveBack(order, undefined, when);
            }
            if (order.type !== 'SalesOrd') {
                return;
            }
            if (order.website === null && luck.holds(0.15)) {
                const from = quote('B', before(when, 20), order, order.lines);
                order.createdfrom = String(from.internalid);
                order.opportunity = from.opportunity;
            }
            if (order.status === 'SalesOrd:D') {
                order.status = luck.holds(0.4) ? 'SalesOrd:E' : 'SalesOrd:D';
                shipSome(order, after(when, 0, 4));
            } else if (order.status === 'SalesOrd:F' || order.status === 'SalesOrd:G') {
                ship(order, when);
                if (order.status === 'SalesOrd:G' && luck.holds(0.04)) {
                    giveBack(order, invoices.get(String(order.internalid)), when);
                }
            }
        });
        const people = customers.filter(({ stage }) => stage !== 'LEAD');
        const sellable = items.filter(ns.sales.isSold);
        for (let left = Math.round(sold.length * 0.03); left > 0 && people.length > 0; left -= 1) {
            offer(people, sellable);
        }
        return list;
    };
})();
