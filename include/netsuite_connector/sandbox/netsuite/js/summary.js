// Summary searches: rows are grouped, and each group becomes one row of groups' values, counts, sums, averages and extremes.
'use strict';

(() => {
    const NUMBERS = ['integer', 'float', 'currency', 'currency2', 'percent'];
    const SUMMARIES = ['GROUP', 'COUNT', 'SUM', 'AVG', 'MIN', 'MAX'];

    const isEmpty = (value) => value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
    const sum = (values) => values.reduce((total, value) => total + Number(value), 0);
    const cents = (number) => Math.round(number * 1e6) / 1e6; // without the dust of adding binary fractions
    const extreme = (wanted) => (values) => values.reduce((best, value) => (
        Math.sign(ns.compareValues(value, best)) === wanted ? value : best
    ));

    const WORK = {
        GROUP: (values) => values[0],
        COUNT: (values) => values.filter((value) => !isEmpty(value)).length,
        SUM: (values) => cents(sum(values)),
        AVG: (values) => cents(sum(values) / values.length),
        MIN: extreme(-1),
        MAX: extreme(1),
    };

    /** What a summary makes of a group's stored values; nothing of nothing, except that it counts none. */
    const work = (summary, values) => {
        if (summary === 'COUNT' || summary === 'GROUP') {
            return WORK[summary](values);
        }
        const some = values.filter((value) => !isEmpty(value));
        return some.length === 0 ? null : WORK[summary](some);
    };

    /** A field as its summary shows it; a summary that does not suit the field is refused. */
    const summedField = (summary, field) => {
        if (!SUMMARIES.includes(summary) || (['SUM', 'AVG'].includes(summary) && !NUMBERS.includes(field.type))) {
            ns.fail('SSS_INVALID_SRCH_SUMMARY_TYP', `An nlobjSearchColumn contains an invalid summary type: ${summary} of ${field.name}.`);
        }
        if (summary === 'COUNT') {
            return { name: `count of ${field.name}`, type: 'integer', text: String };
        }
        const type = summary === 'AVG' && field.type === 'integer' ? 'float' : field.type;
        return { ...field, type, grouped: summary === 'GROUP' };
    };

    /** The test of a group that a summary filter stands for. */
    const groupTest = (type, used) => ({ summary, path, operator, values }) => {
        const formula = /^(formula[a-z]+):(.*)$/s.exec(path);
        const pieces = path.split('.');
        const name = formula === null ? pieces.pop() : formula[1];
        const field = formula === null ? ns.columnField(type, name, pieces.length === 0 ? null : pieces.join('.'), used)
            : { ...ns.columnField(type, name, null), read: ns.formula(type, formula[2], used) };
        const shown = summedField(summary, field);
        const test = ns.valueTest(shown.type, operator, values, path);
        return (rows) => test(work(summary, rows.map(([record, row]) => field.read(record, row))));
    };

    /**
     * Prepares a summary search: `{ columns, fields, find }` of its summary columns, where `find` gives rows as ns.findRows does, each
     * `at` being the stored values. Columns without a summary have no place in the rows of one.
     */
    ns.prepareSummary = (part, columns, fields, sorts, conditions, used) => {
        const places = columns.map((column, index) => index).filter((index) => columns[index].summary);
        const kept = places.map((index) => columns[index]);
        const shown = ns.shownFields(places.map((index) => summedField(columns[index].summary, fields[index])));
        const groups = places.filter((index) => columns[index].summary === 'GROUP');
        const tests = conditions.summaries.map(groupTest(part[0], used));

        const find = () => {
            const found = ns.findRows(part, conditions.rows, [], used);
            const gathered = new Map();
            for (let index = 0; index < found.count; index += 1) {
                const [record, row] = found.at(index);
                const key = JSON.stringify(groups.map((place) => fields[place].read(record, row) ?? null));
                if (!gathered.has(key)) {
                    gathered.set(key, []);
                }
                gathered.get(key).push([record, row]);
            }
            const rows = [...gathered.values()].filter((group) => tests.every((test) => test(group))).map((group) => (
                places.map((place, at) => work(kept[at].summary, group.map(([record, row]) => fields[place].read(record, row))))
            ));
            // Without another order a summary comes in the order of its groups.
            const usual = kept.filter(({ summary }) => summary === 'GROUP').map((column) => ({ column, down: false }));
            const order = sorts.length > 0 ? sorts : usual;
            const keys = order.filter(({ column }) => kept.includes(column)).map(({ column, down }) => [kept.indexOf(column), down]);
            rows.sort((one, other) => keys.reduce((sign, [at, down]) => (
                sign || ns.compareValues(one[at], other[at]) * (down ? -1 : 1)
            ), 0));
            return { count: rows.length, at: (index) => rows[index] };
        };
        return { part, columns: kept, fields: shown, find, row: (values) => new ns.Row(kept, shown, values) };
    };
})();
