/**
 * The outbox: what happened to records, one entry each, until the connector acknowledges it.
 *
 * Entries are acknowledged one by one, never "up to" an id: a save that takes longer than another gives its entry the lower id, yet
 * shows it later.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/record', 'N/search', './lib_request', './lib_source'], (log, record, search, request, sources) => {
    const TYPE = 'customrecord_nsk_outbox';
    const FIELDS = {
        type: 'custrecord_nsk_out_type',
        record: 'custrecord_nsk_out_record',
        event: 'custrecord_nsk_out_event',
        into: 'custrecord_nsk_out_into',
        at: 'custrecord_nsk_out_at',
    };
    const MOST = 1000;
    const LEAST_PAGE = 5; // the smallest page that runPaged gives
    const MOST_TOLD = 100; // the execution log keeps 4,000 characters of an entry

    const number = (value) => (value === '' || value === null || value === undefined ? null : Number(value));

    const entryOf = (result) => {
        const value = (name) => result.getValue({ name: FIELDS[name] });
        return {
            id: Number(result.id),
            type: value('type'),
            record: number(value('record')),
            event: value('event'),
            into: number(value('into')),
            at: value('at'),
        };
    };

    /** The entries after an id, oldest id first, and how many are left behind them. */
    const read = (body) => {
        const after = request.after(body);
        const limit = request.limit(body, MOST, MOST);
        const id = search.createColumn({ name: 'internalid', sort: search.Sort.ASC });
        const paged = search.create({
            type: TYPE,
            filters: sources.all(after === null ? [] : [['internalidnumber', 'greaterthan', after]]),
            columns: [id].concat(Object.keys(FIELDS).map((name) => search.createColumn({ name: FIELDS[name] }))),
        }).runPaged({ pageSize: Math.max(limit, LEAST_PAGE) });
        const results = paged.count === 0 ? [] : paged.fetch({ index: 0 }).data;
        const entries = results.slice(0, limit).map(entryOf);
        return { entries, left: Math.max(0, paged.count - entries.length) };
    };

    /** Deletes an entry; one that is gone already is fine. */
    const remove = (id) => {
        try {
            record.delete({ type: TYPE, id });
        } catch (failure) {
            if (failure.name !== 'RCRD_DSNT_EXIST') {
                throw failure;
            }
        }
    };

    /**
     * Deletes the entries of the given ids, as many as the budget allows. One that can't be deleted is told in `failed`, with the
     * `reason` of the last of them, and holds back none behind it.
     */
    const acknowledge = (body, budget) => {
        const ids = request.ids(body, MOST);
        const failed = [];
        let reason = null;
        let reached = 0;
        while (reached < ids.length && budget.exhausted() === null) {
            try {
                remove(ids[reached]);
            } catch (failure) {
                failed.push(ids[reached]);
                reason = `${failure.name}: ${failure.message}`;
            }
            reached += 1;
        }
        if (failed.length > 0) {
            const some = failed.slice(0, MOST_TOLD).join(', ');
            log.error({ title: 'Outbox entries not deleted', details: `${failed.length}: ${some}; the last one: ${reason}` });
        }
        return { acknowledged: reached - failed.length, left: ids.slice(reached), failed, reason };
    };

    return { TYPE, acknowledge, read, remove };
});
