// Generated customers, prospects and leads, and the contacts of companies.
'use strict';

(() => {
    const { chance, changed, minute, plain, stamps } = ns.chance;

    const phone = (luck, country) => {
        if (luck.holds(0.04)) {
            return luck.pick(ns.words.badPhones);
        }
        return luck.pick(ns.words.countries[country].phones).replace(/#/g, () => String(luck.below(10)));
    };

    const email = (luck, name, number, earlier) => {
        if (luck.holds(0.03)) {
            return '';
        }
        const local = `${name}${number}`;
        if (luck.holds(0.015)) {
            return luck.pick(ns.words.badEmails).replace('NAME', local);
        }
        if (earlier.length > 0 && luck.holds(0.04)) {
            return luck.pick(earlier);
        }
        const address = `${local}@${luck.pick(ns.words.domains)}`;
        earlier.push(address);
        return address;
    };

    const subscription = (luck) => luck.weighted([['1', 35], ['2', 20], ['3', 25], ['4', 20]]);

    const person = (luck) => [luck.pick(ns.words.firstNames), luck.pick(ns.words.lastNames)];

    const customer = (luck, id, number, made, now, earlier) => {
        const { words } = ns;
        const country = luck.weighted(Object.entries(words.countries).map(([code, { share }]) => [code, share]));
        const { places, subsidiary, currency } = words.countries[country];
        const [city, state, zipcode] = luck.pick(places);
        const isperson = luck.holds(0.8);
        const [firstname, lastname] = person(luck);
        const companyname = isperson ? '' : `${luck.pick(words.companies)} ${luck.pick(words.trades)} ${number}`;
        const stage = luck.weighted([['CUSTOMER', 70], ['PROSPECT', 15], ['LEAD', 15]]);
        return {
            internalid: id,
            entityid: `${stage === 'LEAD' ? 'LEAD' : 'CUST'}${String(number).padStart(6, '0')}`,
            isperson,
            firstname: isperson ? firstname : '',
            lastname: isperson ? lastname : '',
            companyname,
            email: email(luck, isperson ? `${plain(firstname)}.${plain(lastname)}` : `info.${plain(companyname)}`, number, earlier),
            phone: luck.holds(0.85) ? phone(luck, country) : '',
            mobilephone: luck.holds(0.4) ? phone(luck, country) : '',
            globalsubscriptionstatus: subscription(luck),
            pricelevel: luck.holds(0.9) ? luck.weighted([['1', 50], ['5', 35], ['2', 12], ['3', 3]]) : null,
            stage,
            isinactive: luck.holds(0.03),
            subsidiary,
            currency,
            entitystatus: { LEAD: '7', PROSPECT: '10', CUSTOMER: '13' }[stage],
            sourcesite: number % 3 === 0 ? '1' : number % 10 === 0 ? '2' : null,
            salesrep: luck.holds(0.4) ? luck.pick(['11', '12', '13', '14']) : null,
            category: luck.holds(0.6) ? (isperson ? '1' : luck.pick(['2', '4'])) : null,
            territory: luck.holds(0.5) ? luck.pick(['1', '2', '3', '-5']) : null,
            datecreated: minute(made),
            lastmodifieddate: minute(changed(luck, made, now)),
            firstorderdate: null,
            lastorderdate: null,
            city,
            state,
            zipcode,
            country,
            countrycode: country,
            custentity_loyalty_tier: luck.holds(0.35) ? luck.weighted([['1', 60], ['2', 30], ['3', 10]]) : null,
        };
    };

    const contact = (luck, id, number, made, now, company, earlier) => {
        const [firstname, lastname] = person(luck);
        const shared = company.email !== '' && luck.holds(0.2);
        return {
            internalid: id,
            entityid: `${firstname} ${lastname} ${number}`,
            firstname,
            lastname,
            company: String(company.internalid),
            email: shared ? company.email : email(luck, `${plain(firstname)}.${plain(lastname)}.c`, number, earlier),
            phone: luck.holds(0.7) ? phone(luck, company.country) : '',
            mobilephone: luck.holds(0.5) ? phone(luck, company.country) : '',
            globalsubscriptionstatus: subscription(luck),
            title: luck.holds(0.7) ? luck.pick(ns.words.jobs) : '',
            isinactive: luck.holds(0.03),
            subsidiary: company.subsidiary,
            datecreated: minute(made),
            lastmodifieddate: minute(changed(luck, made, now)),
        };
    };

    /** So many customers up to a moment, and a tenth as many contacts. */
    ns.generatePeople = (seed, size, now) => {
        const luck = chance(seed, 'customers');
        const others = chance(seed, 'contacts');
        const made = stamps(luck, size, now, 0.02);
        const customers = [];
        const contacts = [];
        const companies = [];
        const earlier = [];
        const wanted = Math.round(size * 0.1);
        let id = 1000;
        for (let index = 0; index < size; index += 1) {
            id += luck.between(1, 3);
            const each = customer(luck, id, index + 1, made(index), now, earlier);
            customers.push(each);
            if (!each.isperson) {
                companies.push(each);
            }
            // Contacts are spread between the customers; all that are still wanted come at the end.
            const due = companies.length === 0 ? 0 : (index + 1 === size ? wanted : Math.floor(((index + 1) * wanted) / size));
            while (contacts.length < due) {
                id += others.between(1, 2);
                const company = others.pick(companies);
                const start = Date.parse(company.datecreated);
                const born = start + Math.floor((now - start) * others.next());
                contacts.push(contact(others, id, contacts.length + 1, born, now, company, earlier));
            }
        }
        return { customers, contacts };
    };
})();
