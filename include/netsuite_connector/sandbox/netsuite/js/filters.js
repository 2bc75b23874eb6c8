// Filter expressions: checked, then turned into a test of a row.
'use strict';

(() => {
    const OPERATORS = {
        text: ['any', 'contains', 'doesnotcontain', 'doesnotstartwith', 'haskeywords', 'is', 'isempty', 'isnot', 'isnotempty',
            'startswith'],
        select: ['anyof', 'noneof'],
        multiselect: ['anyof', 'noneof', 'allof', 'notallof'],
        checkbox: ['is'],
        number: ['any', 'between', 'equalto', 'greaterthan', 'greaterthanorequalto', 'isempty', 'isnotempty', 'lessthan',
            'lessthanorequalto', 'notbetween', 'notequalto', 'notgreaterthan', 'notgreaterthanorequalto', 'notlessthan',
            'notlessthanorequalto'],
        date: ['after', 'before', 'isempty', 'isnotempty', 'notafter', 'notbefore', 'noton', 'notonorafter', 'notonorbefore',
            'notwithin', 'on', 'onorafter', 'onorbefore', 'within'],
    };
    const KINDS = { select: 'select', multiselect: 'multiselect', checkbox: 'checkbox', date: 'date', datetime: 'date',
        datetimetz: 'date', integer: 'number', float: 'number', currency: 'number', currency2: 'number', percent: 'number' };
    const KEY = 'internalidnumber';

    const wrong = (name) => ns.fail(
        'SSS_INVALID_SRCH_FILTER', `An nlobjSearchFilter contains invalid filter, or is not in proper syntax: ${name}.`,
    );
    const isEmpty = (value) => value === null || value === undefined || value === '';
    const lower = (value) => String(value).toLowerCase();

    // ---- tests by kind of field ---------------------------------------------------------------------------------------

    const textTest = (operator, values) => {
        const [value] = values.map(lower);
        const words = {
            is: (text) => text === value,
            contains: (text) => text.includes(value),
            startswith: (text) => text.startsWith(value),
            haskeywords: (text) => value.split(/\s+/).every((word) => text.includes(word)),
            isempty: (text) => text === '',
            any: () => true,
        };
        const opposite = { isnot: 'is', doesnotcontain: 'contains', doesnotstartwith: 'startswith', isnotempty: 'isempty' };
        const test = words[opposite[operator] || operator];
        const wanted = opposite[operator] === undefined;
        return (stored) => test(isEmpty(stored) ? '' : lower(stored)) === wanted;
    };

    const selectTest = (operator, values) => {
        const wanted = new Set(values.map(String));
        const none = wanted.delete('@NONE@');
        const has = (stored) => {
            if (isEmpty(stored) || (Array.isArray(stored) && stored.length === 0)) {
                return none;
            }
            if (!Array.isArray(stored)) {
                return wanted.has(String(stored));
            }
            const held = stored.map(String);
            return operator === 'allof' || operator === 'notallof'
                ? [...wanted].every((id) => held.includes(id)) : held.some((id) => wanted.has(id));
        };
        return operator === 'anyof' || operator === 'allof' ? has : (stored) => !has(stored);
    };

    const numberTest = (operator, values, name) => {
        if (operator === 'any') {
            return () => true;
        }
        if (operator === 'isempty' || operator === 'isnotempty') {
            return (stored) => isEmpty(stored) === (operator === 'isempty');
        }
        const [one, other] = values.map((value) => (isEmpty(value) ? NaN : Number(value)));
        if (Number.isNaN(one) || (operator.endsWith('between') && (other === undefined || Number.isNaN(other)))) {
            wrong(name);
        }
        const compare = {
            equalto: (number) => number === one, greaterthan: (number) => number > one, greaterthanorequalto: (number) => number >= one,
            lessthan: (number) => number < one, lessthanorequalto: (number) => number <= one,
            between: (number) => number >= one && number <= other,
        };
        const negative = operator.startsWith('not');
        const test = compare[negative ? operator.slice(3) : operator];
        return (stored) => !isEmpty(stored) && test(Number(stored)) !== negative;
    };

    const relativeDay = (word) => {
        const days = { today: 0, yesterday: -1, tomorrow: 1 };
        const ago = /^daysago(\d+)$/.exec(word);
        const shift = ago === null ? days[word] : -Number(ago[1]);
        if (shift === undefined) {
            return null;
        }
        const today = ns.dates.onClock(Date.now(), ns.settings.timezone);
        const day = new Date(Date.UTC(today.year, today.month - 1, today.day + shift));
        return { year: day.getUTCFullYear(), month: day.getUTCMonth() + 1, day: day.getUTCDate() };
    };

    const unreadable = (value) => ns.fail('UNEXPECTED_ERROR', `Unparseable date: "${value}"`);

    /** The first and last stored value that a text of the user's stands for: a date a whole day, a moment one minute. */
    const span = (value, moments) => {
        const { settings, dates } = ns;
        const day = relativeDay(lower(value)) || dates.readDate(String(value));
        if (!moments) {
            const date = day === null ? unreadable(value) : dates.isoDate(day);
            return [date, date];
        }
        if (day !== null) {
            const midnight = { hour: 0, minute: 0, second: 0 };
            const next = new Date(Date.UTC(day.year, day.month - 1, day.day + 1));
            const start = dates.fromClock({ ...day, ...midnight }, settings.timezone);
            const end = dates.fromClock({ year: next.getUTCFullYear(), month: next.getUTCMonth() + 1, day: next.getUTCDate(), ...midnight },
                settings.timezone);
            return [dates.iso(start), dates.iso(end - 1000)];
        }
        const minute = dates.readMoment(String(value), settings.timezone, settings.timeFormat);
        return minute === null ? unreadable(value) : [dates.iso(minute), dates.iso(minute + 59000)];
    };

    const dateTest = (operator, values, name, moments) => {
        if (operator === 'isempty' || operator === 'isnotempty') {
            return (stored) => isEmpty(stored) === (operator === 'isempty');
        }
        if (values.length === 0 || isEmpty(values[0]) || (operator.endsWith('within') && values.length < 2)) {
            wrong(name);
        }
        const [start, end] = span(values[0], moments);
        const last = operator.endsWith('within') ? span(values[1], moments)[1] : null;
        const compare = {
            on: (date) => date >= start && date <= end, after: (date) => date > end, before: (date) => date < start,
            onorafter: (date) => date >= start, onorbefore: (date) => date <= end, within: (date) => date >= start && date <= last,
        };
        const negative = operator.startsWith('not');
        const test = compare[negative ? operator.slice(3) : operator];
        return (stored) => !isEmpty(stored) && test(stored) !== negative;
    };

    const checkTest = (values, name) => {
        const wanted = { t: true, true: true, f: false, false: false }[lower(values[0])];
        return wanted === undefined ? wrong(name) : (stored) => (stored === true) === wanted;
    };

    const valueTest = (kind, operator, values, field) => {
        const group = KINDS[kind] || 'text';
        if (!OPERATORS[group].includes(operator)) {
            ns.fail('SSS_INVALID_SRCH_OPERATOR',
                `An nlobjSearchFilter contains an invalid operator, or is not in proper syntax: ${field} ${operator}.`);
        }
        switch (group) {
        case 'select': case 'multiselect': return selectTest(operator, values);
        case 'number': return numberTest(operator, values, field);
        case 'date': return dateTest(operator, values, field, kind !== 'date');
        case 'checkbox': return checkTest(values, field);
        default: return textTest(operator, values);
        }
    };

    // ---- expressions ----------------------------------------------------------------------------------------------------

    const isWord = (part, ...words) => typeof part === 'string' && words.includes(part.toUpperCase());
    const isTerm = (part) => Array.isArray(part) && typeof part[0] === 'string' && typeof part[1] === 'string'
        && !isWord(part[0], 'NOT') && !isWord(part[1], 'AND', 'OR');

    /** An expression as a tree: `{ term }`, `{ not }`, `{ and: [] }` or `{ or: [] }`. */
    const tree = (expression) => {
        if (isTerm(expression)) {
            return { term: expression };
        }
        if (!Array.isArray(expression)) {
            ns.fail('SSS_INVALID_SRCH_FILTER_EXPR', 'Malformed search filter expression.');
        }
        const either = [[]];
        let negative = false;
        let open = true; // whether a condition may come next
        expression.forEach((part) => {
            if (isWord(part, 'NOT') && open) {
                negative = !negative;
            } else if (isWord(part, 'AND', 'OR') && !open) {
                open = true;
                if (part.toUpperCase() === 'OR') {
                    either.push([]);
                }
            } else if (Array.isArray(part)) {
                // Conditions that follow one another without a word between them are all to hold.
                either[either.length - 1].push(negative ? { not: tree(part) } : tree(part));
                negative = false;
                open = false;
            } else {
                ns.fail('SSS_INVALID_SRCH_FILTER_EXPR', 'Malformed search filter expression.');
            }
        });
        const options = either.map((all) => (all.length === 1 ? all[0] : { and: all }));
        return options.length === 1 ? options[0] : { or: options };
    };

    /** The conditions that all have to hold, whatever the nesting. */
    const conjuncts = (node) => (node.and === undefined ? [node] : node.and.flatMap(conjuncts));

    // A filter on a summary, such as `sum(amount)`, compares groups of rows: js/summary.js does.
    const SUMMARY = /^(group|count|sum|min|max|avg)\s*\((.+)\)$/is;

    /** The test that a stored value of a field must pass, for other parts that compare values. */
    ns.valueTest = (kind, operator, values, name) => valueTest(kind, String(operator).toLowerCase(), values, name);

    // Tests whose outcome is the same for all rows of a record are asked once a record.
    const wholes = new WeakSet();
    const ofRecord = (test) => {
        wholes.add(test);
        return test;
    };
    const isOfRecord = (test) => wholes.has(test);
    const all = (tests) => (record, line) => {
        for (let index = 0; index < tests.length; index += 1) {
            if (!tests[index](record, line)) {
                return false;
            }
        }
        return true;
    };

    const termTest = (type, [path, operator, ...given], used) => {
        if (SUMMARY.test(path)) {
            ns.fail('SSS_INVALID_SRCH_FILTER_EXPR', `A summary filter must stand beside the other conditions, joined by AND: ${path}.`);
        }
        const values = given.flat();
        const formula = /^(formula[a-z]+):(.*)$/s.exec(path);
        if (formula !== null) {
            const kind = ns.columnField(type, formula[1], null).type;
            const test = valueTest(kind, operator.toLowerCase(), values, formula[1]);
            const value = ns.formula(type, formula[2], used);
            return (record, line) => test(value(record, line));
        }
        const pieces = path.split('.');
        const name = pieces.pop();
        const field = ns.filterField(type, name, pieces.length === 0 ? null : pieces.join('.'), used);
        const test = valueTest(field.type, operator.toLowerCase(), values, path);
        return field.ofRow ? (record, line) => test(field.read(record, line)) : ofRecord((record) => test(field.read(record, null)));
    };

    const compile = (type, node, used) => {
        const mark = (test, parts) => (parts.every(isOfRecord) ? ofRecord(test) : test);
        if (node.term !== undefined) {
            return termTest(type, node.term, used);
        }
        if (node.not !== undefined) {
            const inner = compile(type, node.not, used);
            return mark((record, line) => !inner(record, line), [inner]);
        }
        const parts = (node.and || node.or).map((part) => compile(type, part, used));
        return node.and !== undefined ? mark(all(parts), parts) : mark((record, line) => parts.some((part) => part(record, line)), parts);
    };

    /** An expression without its summary filters, and those as `{ summary, path, operator, values }`. */
    ns.splitSummary = (expression) => {
        const terms = expression.length === 0 ? [] : conjuncts(tree(expression));
        const summaries = [];
        const rows = terms.filter(({ term }) => {
            const found = term === undefined ? null : SUMMARY.exec(term[0]);
            if (found !== null) {
                summaries.push({ summary: found[1].toUpperCase(), path: found[2].trim(), operator: term[1], values: term.slice(2).flat() });
            }
            return found === null;
        });
        return { rows, summaries };
    };

    /**
     * Conditions for a table that all have to hold: `{ low, high, key, testRecord, testRow }`, where ids run from above `low` to `high`
     * and the tests are the rest, first for a record, then for its rows. Bounds of the internal id are taken out of the rest, so that
     * paging by key finds its rows without reading all; `key` names the rest, so that its outcome can be kept while the data stays as
     * it is. What they use is added to `used`.
     */
    ns.compileFilters = (type, terms, used) => {
        let low = 0;
        let high = Infinity;
        const rest = terms.filter(({ term }) => {
            if (term === undefined || term[0] !== KEY || term.length !== 3) {
                return true;
            }
            const bound = Number([term[2]].flat()[0]);
            const bounds = { greaterthan: [bound, Infinity], greaterthanorequalto: [bound - 1, Infinity],
                lessthan: [0, bound - 1], lessthanorequalto: [0, bound] }[term[1]];
            if (bounds === undefined || !Number.isInteger(bound)) {
                return true;
            }
            low = Math.max(low, bounds[0]);
            high = Math.min(high, bounds[1]);
            return false;
        });
        const tests = rest.map((node) => compile(type, node, used));
        return { low, high, key: JSON.stringify(rest), testRecord: all(tests.filter(isOfRecord)),
            testRow: all(tests.filter((test) => !isOfRecord(test))) };
    };
})();
