// Generated support cases of customers, prospects and leads.
'use strict';

(() => {
    const { DAY, chance, minute, stamps } = ns.chance;

    const STATES = [['5', 60], ['2', 20], ['1', 12], ['3', 5], ['4', 3]];
    const STAGES = { 5: 'CLOSED', 3: 'ESCALATED' };
    const FIRST = 300;

    /** Cases for about one in sixteen customers, up to a moment. */
    ns.generateCases = (seed, now, { customers, contacts }, items) => {
        const luck = chance(seed, 'cases');
        const size = Math.round(customers.length / 16);
        const made = stamps(luck, size, now, 0.02);
        const staff = new Map();
        contacts.forEach((contact) => staff.set(contact.company, contact));
        return Array.from({ length: size }, (unused, index) => {
            const company = luck.pick(customers);
            const contact = staff.get(String(company.internalid));
            const asks = contact !== undefined && luck.holds(0.6) ? contact : company;
            const when = Math.max(made(index), Date.parse(asks.datecreated));
            const changed = Math.min(now, when + luck.below(20 * DAY));
            const status = luck.weighted(STATES);
            return {
                internalid: FIRST + index,
                casenumber: String(1000 + index),
                title: luck.pick(ns.words.cases),
                company: String(company.internalid),
                contact: asks === company ? null : String(asks.internalid),
                email: asks.email,
                phone: asks.phone,
                status,
                stage: STAGES[status] || 'OPEN',
                priority: luck.weighted([['1', 15], ['2', 60], ['3', 25]]),
                category: luck.pick(['1', '2', '3', '4']),
                origin: luck.pick(['1', '2', '-5']),
                item: items.length > 0 && luck.holds(0.5) ? String(luck.pick(items).internalid) : null,
                assigned: luck.pick(['11', '12', '13', '14']),
                subsidiary: company.subsidiary,
                isinactive: false,
                helpdesk: false,
                createddate: minute(when),
                startdate: ns.dates.isoDate(ns.dates.onClock(when, ns.settings.timezone)),
                enddate: status === '5' ? minute(changed) : null,
                lastmessagedate: minute(changed),
                lastmodifieddate: minute(changed),
            };
        });
    };
})();
