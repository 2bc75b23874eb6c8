/**
 * A saved search as a source of rows that can be read by key.
 *
 * The search keeps its criteria and columns; what bounds the rows (internal ids, moments, lists of ids) is added to the criteria,
 * and the sort order becomes internal id, then line key, because paging is only sound with a unique order.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/error', 'N/search', './lib_columns', './lib_time'], (error, search, columns, time) => {
    const PAGE_SIZE = 1000;
    const TRANSACTIONS = ['transaction', 'assemblybuild', 'cashrefund', 'cashsale', 'check', 'creditmemo', 'customerdeposit',
        'customerpayment', 'customerrefund', 'estimate', 'invoice', 'itemfulfillment', 'itemreceipt', 'journalentry', 'opportunity',
        'purchaseorder', 'returnauthorization', 'salesorder', 'transferorder', 'vendorbill', 'workorder'];
    // Which filter bounds the moment of the last change; files and custom records name it otherwise.
    const MODIFIED_FILTERS = { file: 'modified' };

    const modifiedFilter = (type) => (
        type.indexOf('customrecord') === 0 ? 'lastmodified' : MODIFIED_FILTERS[type] || 'lastmodifieddate'
    );

    const all = (terms) => terms.reduce((expression, term) => (
        expression.length === 0 ? [term] : expression.concat('AND', [term])
    ), []);

    /** Filter terms for a range of moments: `from` inclusive, `to` exclusive. */
    const momentTerms = (filter, from, to) => [
        from === null ? null : [filter, 'onorafter', time.toUser(time.lower(from))],
        to === null ? null : [filter, 'before', time.toUser(time.upper(to))],
    ].filter((term) => term !== null);

    const load = (id) => {
        try {
            return search.load({ id });
        } catch (failure) {
            if (failure.name !== 'INVALID_SEARCH') {
                throw failure;
            }
            throw error.create({
                name: 'NSK_SEARCH_NOT_FOUND',
                message: `there is no saved search ${id}, or this role may not see it`,
                notifyOff: true,
            });
        }
    };

    const refuseSummary = (saved) => {
        const summed = saved.columns.filter((column) => column.summary).map((column) => column.label || column.name);
        if (summed.length > 0) {
            throw error.create({
                name: 'NSK_SUMMARY_SEARCH',
                message: `the search ${saved.id} has summary columns, so its rows have no internal id: ${summed.join(', ')}`,
                notifyOff: true,
            });
        }
    };

    const isHeaderTerm = (term) => Array.isArray(term) && term[0] === 'mainline' && term[1] === 'is' && ['T', true].includes(term[2]);

    /** Whether a search gives a row a line: a transaction search that isn't limited to header rows. */
    const givesLines = (saved, criteria) => TRANSACTIONS.includes(saved.searchType)
        && !isHeaderTerm(criteria)
        && !(criteria.some(isHeaderTerm) && !criteria.some((part) => typeof part === 'string' && part.toUpperCase() === 'OR'));

    /** The columns to ask for: the keys of the rows first, and they alone decide the order. */
    const keyed = (kept, lines) => {
        const names = lines ? ['internalid', 'lineuniquekey'] : ['internalid'];
        const keys = names.map((name) => kept.find((column) => column.name === name && !column.join) || search.createColumn({ name }));
        const others = kept.filter((column) => !keys.includes(column));
        others.forEach((column) => {
            column.sort = search.Sort.NONE;
        });
        return keys.concat(others);
    };

    const open = (id) => {
        const saved = load(id);
        refuseSummary(saved);
        const criteria = saved.filterExpression || [];
        const lines = givesLines(saved, criteria);
        const sorted = keyed(saved.columns, lines);
        const keys = sorted.slice(0, lines ? 2 : 1);
        const unreadable = {};
        const readers = columns.readers(sorted, unreadable);
        saved.columns = sorted;

        const run = (window, cursor, sort, pageSize) => {
            const after = cursor === null ? window.after : cursor;
            const terms = momentTerms(window.stamp || modifiedFilter(saved.searchType), window.from, window.to)
                .concat(window.only.map(([name, values]) => [name, 'anyof'].concat(values)));
            if (after !== null) {
                terms.push(['internalidnumber', 'greaterthan', after]);
            }
            if (window.until !== null) {
                terms.push(['internalidnumber', 'lessthanorequalto', window.until]);
            }
            saved.filterExpression = all((criteria.length === 0 ? [] : [criteria]).concat(terms));
            keys.forEach((column) => {
                column.sort = sort;
            });
            return saved.runPaged({ pageSize });
        };

        const bounds = (window) => {
            const rising = run(window, null, search.Sort.ASC, 5);
            if (rising.count === 0) {
                return { count: 0, first: null, last: null };
            }
            const falling = run(window, null, search.Sort.DESC, 5);
            return {
                count: rising.count,
                first: Number(rising.fetch({ index: 0 }).data[0].id),
                last: Number(falling.fetch({ index: 0 }).data[0].id),
            };
        };

        return {
            about: { id: saved.id || id, title: saved.title || null, type: saved.searchType },
            columns: readers.map((reader) => reader.about),
            lines,
            readers,
            unreadable,
            bounds,
            /** The search from a key on, as paged data of up to a thousand rows a page. */
            query: (window, cursor) => run(window, cursor, search.Sort.ASC, PAGE_SIZE),
        };
    };

    /** Every saved search that this role sees. */
    const list = () => {
        const found = search.create({ type: 'savedsearch', columns: ['internalid', 'id', 'title', 'recordtype'] });
        found.columns[0].sort = search.Sort.ASC;
        const paged = found.runPaged({ pageSize: PAGE_SIZE });
        const searches = [];
        paged.pageRanges.forEach((range) => paged.fetch({ index: range.index }).data.forEach((result) => searches.push({
            id: result.getValue({ name: 'id' }),
            title: result.getValue({ name: 'title' }),
            type: String(result.getValue({ name: 'recordtype' })).toLowerCase().replace(/\s/g, ''),
        })));
        return searches;
    };

    return { PAGE_SIZE, all, list, momentTerms, open };
});
