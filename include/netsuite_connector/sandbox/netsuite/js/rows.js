// Finds and orders the rows of a search over the live data: records, transactions' lines, or records by the entries of their lists.
//
// Nothing is remembered for a search object: every page is worked out anew. Only the outcome of a set of criteria is kept, and only
// as long as no record changes.
'use strict';

(() => {
    const KEPT = 8;
    const kept = new Map();
    let evaluations = 0;

    // How the rows of a record are gathered: `take(record, row)` is called for each.
    const eachLine = (record, take) => {
        take(record, null);
        record.lines.forEach((line) => take(record, line));
    };
    const eachRecord = (record, take) => take(record, undefined);
    const eachEntry = (lists) => (record, take) => {
        if (lists.some((list) => record[list] !== undefined && record[list].length > 0)) {
            ns.lists.rowsOf(record, lists).forEach((row) => take(record, row));
        } else {
            take(record, lists[0] === 'addresses' ? undefined : {});
        }
    };

    const matches = (type, part, filters, used) => {
        const [, field, wanted] = part;
        const clock = new Date().toISOString().slice(0, 13); // criteria may say "today"
        const lists = [...used.lists].sort();
        const unseen = type === 'transaction' ? ns.unseenTransactions() : [];
        const tables = [type, ...[...used.joins].sort()].map((table) => `${table} of ${ns.store.table(table).version}`);
        const version = used.others ? `${type} ${ns.store.version}` : tables.join();
        const name = `${version} ${clock} ${part.join()} ${lists.join()} ${unseen.join()} ${JSON.stringify(ns.settings)} ${filters.key}`;
        const known = kept.get(name);
        if (known !== undefined) {
            return known;
        }
        const records = [];
        const rows = [];
        const { testRecord, testRow } = filters;
        const plain = type !== 'transaction' && lists.length === 0;
        const take = (record, row) => {
            if (testRow(record, row)) {
                records.push(record);
                if (!plain) {
                    rows.push(row);
                }
            }
        };
        const each = type === 'transaction' ? eachLine : plain ? eachRecord : eachEntry(lists);
        ns.store.table(type).records.forEach((record) => {
            if ((field === null || wanted.includes(record[field])) && !unseen.includes(record.type) && testRecord(record)) {
                each(record, take);
            }
        });
        const found = { records, rows };
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

    /** Orders stored values; nothing comes first. */
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

    ns.compareValues = compare;

    /** An order for equal rows that differs from one evaluation to the next: nothing may rely on it. */
    const shuffle = (index) => Math.imul(index + 1, 0x9e3779b1 ^ Math.imul(evaluations, 0x85ebca6b)) >>> 0;

    const isKeyOrder = (type, sorts) => sorts.length > 0 && !sorts[0].column.join && sorts[0].column.name === 'internalid'
        && sorts.every(({ column, down }) => !column.join && down === sorts[0].down
            && ['internalid', 'lineuniquekey', 'line'].includes(column.name))
        && (type !== 'transaction' || sorts.some(({ column }) => column.name === 'lineuniquekey'));

    /** Where a row stands whose record has several that the order of ids does not tell apart: they take turns. */
    const turned = (records, index, turn) => {
        const record = records[index];
        if (records[index - 1] !== record && records[index + 1] !== record) {
            return index;
        }
        let first = index;
        let end = index + 1;
        while (records[first - 1] === record) {
            first -= 1;
        }
        while (records[end] === record) {
            end += 1;
        }
        return first + ((index - first + turn) % (end - first));
    };

    /**
     * The rows of a search as `{ count, at(position) }`, where `at` gives `[record, row]`.
     * `terms` are its conditions (ns.splitSummary), `sorts` a list of `{ column, field, down }`, `columns` what its columns use.
     */
    ns.findRows = (part, terms, sorts, columns) => {
        const [type] = part;
        const turn = evaluations += 1;
        if (ns.running.emptySearches) {
            return { count: 0, at: () => null };
        }
        const used = new ns.Used();
        columns.lists.forEach((list) => used.lists.add(list));
        const filters = ns.compileFilters(type, terms, used);
        const { records, rows } = matches(type, part, filters, used);
        const pair = (place) => [records[place], rows[place]];
        const start = rowAfter(records, filters.low);
        const count = Math.max(0, rowAfter(records, filters.high) - start);
        if (isKeyOrder(type, sorts)) {
            const place = sorts[0].down ? (index) => start + count - 1 - index : (index) => start + index;
            const position = used.lists.size === 0 ? place : (index) => turned(records, place(index), turn);
            return { count, at: (index) => pair(position(index)) };
        }
        if (sorts.length === 0) {
            // Without an order rows begin anywhere: where exactly differs from one evaluation to the next.
            const position = (index) => start + ((index + turn * 7919) % count);
            return { count, at: (index) => pair(position(index)) };
        }
        const order = Array.from({ length: count }, (unused, index) => start + index);
        const keys = sorts.map(({ field, down }) => ({ down, values: order.map((index) => field.read(records[index], rows[index])) }));
        order.sort((one, other) => {
            for (const { down, values } of keys) {
                const sign = compare(values[one - start], values[other - start]);
                if (sign !== 0) {
                    return down ? -sign : sign;
                }
            }
            return shuffle(one) - shuffle(other);
        });
        return { count, at: (index) => pair(order[index]) };
    };
})();
