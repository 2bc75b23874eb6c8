// What the account's keeper may do from outside: fill it, look at raw records, change them, replace searches and settings.
// Everything goes in and comes out as JSON text.
'use strict';

(() => {
    const dump = (type, after, limit) => {
        const { records } = ns.store.table(type);
        const start = ns.store.table(type).after(after);
        const page = records.slice(start, start + limit);
        const more = start + page.length < records.length;
        return { type, count: records.length, records: page, next: more ? page[page.length - 1].internalid : null };
    };

    /** The columns of a usual search, without custom fields that this account lacks and with those that only loaded files have. */
    const withCustomFields = (type, columns) => {
        const custom = Object.keys(ns.store.customFields[type]);
        const kept = columns.filter(({ name, join }) => join || !name.startsWith('cust') || custom.includes(name));
        const more = custom.filter((name) => (ns.words.customFields[type] || {})[name] === undefined);
        return kept.concat(more.map((name) => ({ name, label: name })));
    };

    const actions = {
        load: ({ type, records }) => ns.store.load(type, records),
        generate: (sizes) => ns.generate(sizes),
        lists: (lists) => Object.assign(ns.store.lists, lists),
        customFields: ({ type, fields }) => Object.assign(ns.store.customFields[type], fields),
        fieldLists: ({ type, fields }) => Object.assign(ns.store.fieldLists[type], fields),
        dump: ({ type, after, limit }) => dump(type, after, limit),
        clear: ({ type }) => ns.store.clear(type),
        get: ({ type, id }) => ns.store.find(type, id),
        create: ({ type, values }) => ns.store.create(type, values),
        update: ({ type, id, values }) => ns.store.update(type, id, values),
        remove: ({ type, id, moment }) => ns.store.remove(type, id, moment),
        searches: () => ns.store.searches,
        install: (saved) => ns.installSearch(saved),
        installUsual: (saved) => ns.installSearch({ ...saved, columns: withCustomFields(saved.type, saved.columns) }),
        settings: (settings) => {
            if (settings.timezone !== undefined && !ns.dates.known(settings.timezone)) {
                ns.fail('INVALID_PREFERENCE', `there is no time zone ${settings.timezone}`);
            }
            return Object.assign(ns.settings, settings);
        },
        catalogue: () => ns.catalogue.records,
        state: () => Object.fromEntries(Object.entries(ns.store.tables).map(([type, { records }]) => [type, records.length])),
        files: (files) => {
            ns.files = files;
        },
    };

    /** Runs one action; answers `{ ok }` or `{ error: { code, message } }`. */
    ns.admin = (action, input) => {
        try {
            const ok = actions[action](JSON.parse(input));
            return JSON.stringify({ ok: ok === undefined ? null : ok });
        } catch (failure) {
            if (!(failure instanceof ns.SuiteScriptError)) {
                throw failure;
            }
            return JSON.stringify({ error: { code: failure.name, message: failure.message } });
        }
    };
})();
