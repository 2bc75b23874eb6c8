/**
 * The connector's one door into NetSuite: lists saved searches, describes them, counts them and serves their rows, the configuration
 * records and the outbox. All it changes are outbox entries, which go once they are acknowledged.
 * The wire format is docs/netsuite/restlet.md; every answer is independent of the calling user's preferences.
 *
 * @NApiVersion 2.1
 * @NScriptType Restlet
 * @NModuleScope SameAccount
 */
define(['N/runtime', './lib_budget', './lib_config', './lib_deleted', './lib_outbox', './lib_pages', './lib_request', './lib_source',
    './lib_time'],
    (runtime, budgets, configs, deleted, outbox, pages, request, sources, time) => {
        const VERSION = '1.2.1';

        const about = () => {
            const user = runtime.getCurrentUser();
            return {
                version: VERSION,
                account: runtime.accountId,
                user: String(user.id),
                role: String(user.role),
                timezone: time.zone(),
                dateformat: user.getPreference({ name: 'DATEFORMAT' }),
                timeformat: user.getPreference({ name: 'TIMEFORMAT' }),
                now: time.iso(new Date()),
                units: runtime.getCurrentScript().getRemainingUsage(),
            };
        };

        const describe = (body) => {
            const source = sources.open(request.search(body));
            return { search: source.about, columns: source.columns, lines: source.lines };
        };

        const bounds = (body) => sources.open(request.search(body)).bounds(request.window(body));

        const page = (body, budget) => {
            const source = sources.open(request.search(body));
            const window = request.window(body);
            const answer = pages.start(source.readers, request.limit(body), budget);
            const { stopped, cursor } = answer.drain({
                key: (result) => Number(result.id),
                cursor: (group) => group.key,
                query: (after) => source.query(window, after),
            }, window.after);
            return Object.assign(answer.answer(stopped, cursor), { unreadable: source.unreadable });
        };

        const ACTIONS = {
            about,
            describe,
            bounds,
            page,
            searches: () => ({ searches: sources.list() }),
            deleted: deleted.read,
            config: configs.read,
            outbox: outbox.read,
            acknowledge: outbox.acknowledge,
        };

        const post = (body) => {
            const action = request.action(body, Object.keys(ACTIONS));
            const budget = budgets.start();
            const answer = ACTIONS[action](body, budget);
            return Object.assign({ format: 1, usage: budget.used() }, answer);
        };

        return { post };
    });
