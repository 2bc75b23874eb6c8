/**
 * Deletes outbox entries that nobody has acknowledged for a number of days (parameter custscript_nsk_keep_days), once a day.
 * What they told is not lost: the connector's scheduled runs find the same records by the moment of their last change.
 *
 * @NApiVersion 2.1
 * @NScriptType MapReduceScript
 * @NModuleScope SameAccount
 */
define(['N/log', 'N/runtime', 'N/search', './lib_outbox', './lib_time'], (log, runtime, search, outbox, time) => {
    const USUAL_DAYS = 14;
    const DAY = 24 * 60 * 60 * 1000;

    const days = () => {
        const given = Number(runtime.getCurrentScript().getParameter({ name: 'custscript_nsk_keep_days' }));
        return Number.isFinite(given) && given >= 1 ? given : USUAL_DAYS;
    };

    const getInputData = () => search.create({
        type: outbox.TYPE,
        filters: [['created', 'before', time.toUser(time.lower(new Date(Date.now() - days() * DAY)))]],
        columns: [search.createColumn({ name: 'internalid', sort: search.Sort.ASC })],
    });

    const map = (context) => outbox.remove(Number(JSON.parse(context.value).id));

    const summarize = (summary) => {
        let failed = 0;
        summary.mapSummary.errors.iterator().each((key, error) => {
            failed += 1;
            log.error({ title: 'Outbox entry not deleted', details: `${key}: ${error}` });
            return true;
        });
        if (summary.inputSummary.error) {
            log.error({ title: 'Outbox not read', details: summary.inputSummary.error });
        }
        const details = `entries older than ${days()} days deleted, ${failed} failed, ${summary.usage} units`;
        log.audit({ title: 'Outbox cleaned', details });
    };

    return { getInputData, map, summarize };
});
