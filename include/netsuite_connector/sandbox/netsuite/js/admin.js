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

    /** A label as an administrator would write it: custentity_loyalty_tier becomes Loyalty Tier. */
    const labelOf = (field) => field.replace(/^cust(entity|item|body|col|event|record)_?/, '').split('_')
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(' ') || field;

    /** Adds the account's custom fields to the saved searches of their type that lack them. */
    const addCustomFields = () => ns.store.searches.forEach((saved) => {
        const [table] = ns.searchTable(saved.type);
        const held = saved.columns.filter(({ join }) => !join).map(({ name }) => name);
        const lacking = Object.keys(ns.store.customFields[table]).filter((name) => !held.includes(name));
        ns.installSearch({ ...saved, columns: saved.columns.concat(lacking.map((name) => ({ name, label: labelOf(name) }))) });
    });

    /** Takes a SuiteCloud project in, as suitecloud.py reads it. */
    const deploy = ({ deployments, files, custom_records: customRecords, role }) => {
        ns.files = files;
        ns.deployments = deployments;
        customRecords.forEach(({ id, fields, mandatory, restricted, roles }) => {
            ns.store.addType(id, Object.fromEntries(Object.entries(fields).map(([name, type]) => [name, { type }])), mandatory);
            ns.customAccess[id] = { needed: restricted, roles };
        });
        ns.role = role === null ? ns.role : role;
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
        create: ({ type, values }) => ns.records.create(type, values),
        update: ({ type, id, values, inline }) => ns.records.change(type, id, values, inline),
        remove: ({ type, id, moment }) => ns.records.remove(type, id, moment),
        merge: ({ type, id, into }) => ns.records.merge(type, id, into),
        searches: () => ns.store.searches,
        install: (saved) => ns.installSearch(saved),
        addCustomFields,
        settings: (settings) => {
            if (settings.timezone !== undefined && !ns.dates.known(settings.timezone)) {
                ns.fail('INVALID_PREFERENCE', `there is no time zone ${settings.timezone}`);
            }
            if (settings.language !== undefined && settings.language !== 'en_US' && ns.texts[settings.language] === undefined) {
                ns.fail('INVALID_PREFERENCE', `there are no texts in ${settings.language}: ${Object.keys(ns.texts).join(', ')}`);
            }
            return Object.assign(ns.settings, settings);
        },
        catalogue: () => ns.catalogue.records,
        project: deploy,
        run: (request) => ns.runMapReduce(request),
        tasks: () => ns.runTasks(),
        log: () => ns.log,
        userEvents: () => ns.userEvents,
        // Tables that the integration's role may not read.
        hidden: () => ns.runAs({ as: 'integration' }, () => Object.keys(ns.store.tables).filter((table) => !ns.permits(table))
            .flatMap((table) => (table === 'transaction' ? [table, 'transactionline'] : [table]))),
        versions: () => Object.fromEntries(Object.entries(ns.store.tables).map(([type, { version }]) => [type, version])),
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
