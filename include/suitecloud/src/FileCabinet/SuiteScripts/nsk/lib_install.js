/**
 * Puts the connector's saved searches into the account: creates those that are missing, adds mandatory columns that one lacks, and
 * leaves everything else as its administrator made it.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/file', 'N/runtime', 'N/search'], (file, runtime, search) => {
    const DEFINITIONS = './searches.json';
    // One search loaded, tried and saved; with less left, the rest waits for the next time.
    const RESERVED_UNITS = 40;
    const UNKNOWN_COLUMN = 'SSS_INVALID_SRCH_COL';

    const definitions = () => JSON.parse(file.load({ id: DEFINITIONS }).getContents());

    const keyOf = ({ name, join }) => (join ? `${join}.${name}` : name).toLowerCase();

    const isSame = (one, other) => keyOf(one) === keyOf(other) && (one.formula || null) === (other.formula || null)
        && !one.summary && !other.summary;

    const lackingOf = (definition, saved) => definition.columns.filter((column) => (
        column.mandatory && !saved.columns.some((kept) => isSame(column, kept))
    ));

    const find = (id) => {
        try {
            return search.load({ id });
        } catch (failure) {
            if (failure.name !== 'INVALID_SEARCH') {
                throw failure;
            }
            return null;
        }
    };

    const columnOf = ({ name, join, label, formula }) => {
        const options = { name };
        Object.entries({ join, label, formula }).forEach(([key, value]) => {
            if (value) {
                options[key] = value;
            }
        });
        return search.createColumn(options);
    };

    const reasonOf = (failure) => `${failure.name}: ${failure.message}`;

    /** The optional column that a refusal names: an account without the feature behind a column doesn't know it. */
    const refused = (failure, columns) => {
        if (failure.name !== UNKNOWN_COLUMN) {
            return undefined;
        }
        const words = String(failure.message).toLowerCase().split(/[^a-z0-9_.]+/).map((word) => word.replace(/^\.+|\.+$/g, ''));
        return columns.find((column) => !column.mandatory && words.includes(keyOf(column)))
            || columns.find((column) => !column.mandatory && words.includes(column.name));
    };

    /** Runs a search for a single row, for it is refused when it runs, not when it is made. */
    const tried = (made) => {
        made.run().getRange({ start: 0, end: 1 });
        return made;
    };

    const make = ({ id, title, type, criteria }, columns) => tried(search.create({
        type,
        filters: criteria,
        columns: columns.map(columnOf),
        title,
        id,
        isPublic: true,
    }));

    const create = (definition, outcome) => {
        let { columns } = definition;
        for (;;) {
            try {
                make(definition, columns).save();
                return Object.assign(outcome, { state: 'created', added: columns.map(keyOf), lacking: [] });
            } catch (failure) {
                const unknown = refused(failure, columns);
                if (unknown === undefined || runtime.getCurrentScript().getRemainingUsage() < RESERVED_UNITS) {
                    return Object.assign(outcome, { left_out: [], reason: reasonOf(failure) });
                }
                columns = columns.filter((column) => column !== unknown);
                outcome.left_out.push(keyOf(unknown));
            }
        }
    };

    const complete = (saved, lacking, outcome) => {
        try {
            saved.columns = saved.columns.concat(lacking.map(columnOf));
            tried(saved).save();
            return Object.assign(outcome, { state: 'completed', added: lacking.map(keyOf), lacking: [] });
        } catch (failure) {
            return Object.assign(outcome, { reason: reasonOf(failure) });
        }
    };

    const settle = (definition, change) => {
        const mandatory = definition.columns.filter((column) => column.mandatory).map(keyOf);
        const outcome = { id: definition.id, title: definition.title, state: 'missing', added: [], lacking: mandatory, left_out: [] };
        if (runtime.getCurrentScript().getRemainingUsage() < RESERVED_UNITS) {
            return Object.assign(outcome, { reason: 'not looked at: this run has used up its units; ask again' });
        }
        const saved = find(definition.id);
        if (saved === null) {
            return change ? create(definition, outcome) : outcome;
        }
        outcome.title = saved.title || definition.title;
        if (String(saved.searchType).toLowerCase() !== definition.type) {
            const reason = `it is a search of ${saved.searchType}, but must be one of ${definition.type}; give it another id`;
            return Object.assign(outcome, { state: 'incomplete', reason });
        }
        const lacking = lackingOf(definition, saved);
        if (lacking.length === 0) {
            return Object.assign(outcome, { state: 'kept', lacking: [] });
        }
        Object.assign(outcome, { state: 'incomplete', lacking: lacking.map(keyOf) });
        return change ? complete(saved, lacking, outcome) : outcome;
    };

    const all = (change) => {
        const script = runtime.getCurrentScript();
        const units = script.getRemainingUsage();
        const searches = definitions().map((definition) => settle(definition, change));
        return { searches, usage: units - script.getRemainingUsage() };
    };

    return {
        /** The state of each search; changes nothing. */
        look: () => all(false),
        /** Creates and completes what is missing. */
        install: () => all(true),
    };
});
