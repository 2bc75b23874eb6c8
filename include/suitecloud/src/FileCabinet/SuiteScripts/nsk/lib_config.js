/**
 * The configuration records: what an administrator has set for each web site.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/search', './lib_source'], (search, sources) => {
    const TYPE = 'customrecord_nsk_config';
    const PREFIX = 'custrecord_nsk_cfg_';
    const TEXTS = ['store', 'website', 'domain', 'item_url', 'image_folder'];
    const LISTS = ['image_options', 'ids', 'types', 'statuses'];
    const FLOWS = ['catalog', 'customers', 'orders'];

    const text = (value) => (value === null || value === undefined || String(value).trim() === '' ? null : String(value).trim());

    const list = (value) => String(value === null || value === undefined ? '' : value)
        .split(/[,\r\n]+/).map((part) => part.trim()).filter((part) => part !== '');

    const isSet = (value) => value === true || value === 'T';

    const configOf = (result) => {
        const value = (name) => result.getValue({ name: PREFIX + name });
        const config = { id: Number(result.id), name: text(result.getValue({ name: 'name' })) };
        TEXTS.forEach((name) => {
            config[name] = text(value(name));
        });
        LISTS.forEach((name) => {
            config[name] = list(value(name));
        });
        config.flows = {};
        FLOWS.forEach((name) => {
            config.flows[name] = isSet(value(name));
        });
        return config;
    };

    /** Every active configuration record, in the order of their ids. */
    const read = () => {
        const names = ['name'].concat(TEXTS.concat(LISTS, FLOWS).map((name) => PREFIX + name));
        const paged = search.create({
            type: TYPE,
            filters: [['isinactive', 'is', 'F']],
            columns: [search.createColumn({ name: 'internalid', sort: search.Sort.ASC })]
                .concat(names.map((name) => search.createColumn({ name }))),
        }).runPaged({ pageSize: sources.PAGE_SIZE });
        const configs = [];
        paged.pageRanges.forEach((range) => paged.fetch({ index: range.index }).data.forEach((result) => configs.push(configOf(result))));
        return { configs };
    };

    return { read };
});
