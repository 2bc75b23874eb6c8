// Fills an account with invented data. The same seed and sizes give the same records; each kind of record has its own stream of
// chance, so that asking for more of one leaves the others as they are.
'use strict';

(() => {
    /** Fills the empty account: `{ seed, customers, items, orders, now }`, `now` being the moment that the data runs up to. */
    ns.generate = ({ seed, customers, items, orders, now }) => {
        const until = Date.parse(now);
        const people = ns.generatePeople(seed, customers, until);
        const all = ns.generateItems.items(seed, items, until);
        const sold = ns.generateTransactions(seed, orders, until, people.customers, all);
        const more = ns.generateChains(seed, until, people.customers, all, sold);
        const { folders, files } = ns.generateFiles(seed, all);
        Object.assign(ns.store.lists, ns.words.lists);
        Object.entries(ns.words.customFields).forEach(([type, fields]) => Object.assign(ns.store.customFields[type], fields));
        ns.store.load('customer', people.customers);
        ns.store.load('contact', people.contacts);
        ns.store.load('item', [ns.generateItems.shipping(seed, until), ...all]);
        ns.store.load('transaction', sold);
        ns.store.load('transaction', more);
        ns.store.load('supportcase', ns.generateCases(seed, until, people, all));
        ns.store.load('folder', folders);
        ns.store.load('file', files);
    };
})();
