// Finds and orders the rows of a search over the live data.
//
// Nothing is remembered for a search object: every page is worked out anew. Only the outcome of a set of criteria is kept, and only
// as long as no record changes.
'use strict';

(() => {
    const KEPT = 8;
    const kept = new Map();
    let evaluations = 0;

    const matches = (type, part, filters) => {
        const [, field, wanted] = part;
        const clock = new Date().toISOString().slice(0, 13); // criteria may say "today"
        const name = `${ns.store.version} ${clock} ${part.join()} ${JSON.stringify(ns.settings)} ${filters.key}`;
        const known = kept.get(name);
        if (known !== undefined) {
            return known;
        }
        const records = [];
        const lines = [];
        const { test } = filters;
        const lined = type === 'transaction';
        ns.store.table(type).records.forEach((record) => {
            if (field !== null && !wanted.includes(record[field])) {
                return;
            }
            if (!lined) {
                if (test(record, undefined)) {
                    records.push(record);
                }
                return;
            }
            if (test(record, null)) {
                records.push(record);
                lines.push(null);
            }
            record.lines.forEach((line) => {
                if (test(record, line)) {
                    records.push(record);
                    lines.push(line);
                }
            });
        });
        const found = { records, lines };
        if (kept.size >= KEPT) {
            kept.delete(kept.keys().next().value);
        }
        kept.set(name, found);
        return found;
    };

    /** Where the first row of an id above `id` is. */
    const rowAfter = (records, id) => {
        let low = 0;
        let high = records.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (records[middle].internalid > id) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        return low;
    };

    const compare = (a, b) => {
        const noA = a === null || a === undefined || a === '';
        const noB = b === null || b === undefined || b === '';
        if (noA || noB) {
            return Number(noB) - Number(noA);
        }
        if (typeof a === 'string' && typeof b === 'string') {
            const one = a.toLowerCase();
            const other = b.toLowerCase();
            return one < other ? -1 : Number(one > other);
        }
        return a < b ? -1 : Number(a > b);
    };

    /** An order for equal rows that differs from one evaluation to the next: nothing may rely on it. */
    const shuffle = (index) => Math.imul(index + 1, 0x9e3779b1 ^ Math.imul(evaluations, 0x85ebca6b)) >>> 0;

    const isKeyOrder = (type, sorts) => sorts.length > 0 && !sorts[0].column.join && sorts[0].column.name === 'internalid'
        && sorts.every(({ column, down }) => !column.join && down === sorts[0].down
            && ['internalid', 'lineuniquekey', 'line'].includes(column.name))
        && (type !== 'transaction' || sorts.some(({ column }) => column.name === 'lineuniquekey'));

    /**
     * The rows of a search as `{ count, at(position) }`, where `at` gives `[record, line]`.
     * `sorts` is a list of `{ column, field, down }`.
     */
    ns.findRows = (part, expression, sorts) => {
        const [type] = part;
        evaluations += 1;
        if (ns.running.emptySearches) {
            return { count: 0, at: () => null };
        }
        const filters = ns.compileFilters(type, expression);
        const { records, lines } = matches(type, part, filters);
        const start = rowAfter(records, filters.low);
        const count = Math.max(0, rowAfter(records, filters.high) - start);
        if (isKeyOrder(type, sorts)) {
            const position = sorts[0].down ? (index) => start + count - 1 - index : (index) => start + index;
            return { count, at: (index) => [records[position(index)], lines[position(index)]] };
        }
        const order = Array.from({ length: count }, (unused, index) => start + index);
        const keys = sorts.map(({ field, down }) => ({ down, values: order.map((index) => field.read(records[index], lines[index])) }));
        order.sort((one, other) => {
            for (const { down, values } of keys) {
                const sign = compare(values[one - start], values[other - start]);
                if (sign !== 0) {
                    return down ? -sign : sign;
                }
            }
            return shuffle(one) - shuffle(other);
        });
        return { count, at: (index) => [records[order[index]], lines[order[index]]] };
    };
})();
