/**
 * Reads rows by key, page after page, within a budget.
 *
 * Result sets of NetSuite are live: rows that change between two fetches move, so every thousand rows come from a new search that
 * starts after the last key. Rows of one key stay together: the last key of a full page is left for the next one, and a key of more
 * than a thousand rows is read to its end.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define([], () => {
    /** Rows in runs of one key, and whether rows are left after them. */
    const completeGroups = (paged, key) => {
        const rows = paged.fetch({ index: 0 }).data;
        const groups = [];
        rows.forEach((row) => {
            const rowKey = key(row);
            const last = groups[groups.length - 1];
            if (last !== undefined && last.key === rowKey) {
                last.rows.push(row);
            } else {
                groups.push({ key: rowKey, rows: [row] });
            }
        });
        if (rows.length === paged.count || rows.length === 0) {
            return { groups, more: false };
        }
        if (groups.length > 1) {
            groups.pop();
            return { groups, more: true };
        }
        const group = groups[0];
        for (let index = 1; index < paged.pageRanges.length; index += 1) {
            const next = paged.fetch({ index }).data;
            const other = next.findIndex((row) => key(row) !== group.key);
            if (other >= 0) {
                group.rows = group.rows.concat(next.slice(0, other));
                return { groups, more: true };
            }
            group.rows = group.rows.concat(next);
        }
        return { groups, more: group.rows.length !== paged.count };
    };

    /**
     * The cells of one column on a page. A value that comes again is kept once, with its place for each row; the column is sent so where
     * that takes fewer bytes than the plain list.
     *
     * `add` takes a cell, `keep` says that all cells so far are to be sent, `size` is how many bytes they take at most.
     */
    const columnOf = (reader, bytesOf) => {
        const pairs = ['select', 'multiselect'].includes(reader.about.type);
        const places = new Map();
        const values = [];
        const sizes = [];
        const at = [];
        let plain = (pairs ? '{"id":[],"text":[]}' : '[]').length;
        let shared = (pairs ? '{"id":[],"text":[],"at":[]}' : '{"values":[],"at":[]}').length;
        let kept = { rows: 0, values: 0, shared: false };

        const placeOf = (cell) => {
            const key = pairs ? JSON.stringify(cell) : cell;
            if (!places.has(key)) {
                places.set(key, values.length);
                values.push(cell);
                // A pair's brackets make room for one of its commas.
                sizes.push(bytesOf(cell) + (pairs ? -1 : 1));
                shared += sizes[sizes.length - 1];
            }
            return places.get(key);
        };

        const add = (cell) => {
            const empty = cell === null || (pairs && cell[0] === null);
            const place = empty ? null : placeOf(cell);
            at.push(place);
            plain += empty ? (pairs ? 'null,null,' : 'null,').length : sizes[place];
            shared += `${place},`.length;
        };

        const keep = () => {
            kept = { rows: at.length, values: values.length, shared: shared < plain };
        };

        const entry = () => {
            const rows = at.slice(0, kept.rows);
            const cells = kept.shared
                ? values.slice(0, kept.values)
                : rows.map((place) => (place === null ? (pairs ? [null, null] : null) : values[place]));
            if (pairs) {
                const lists = { id: cells.map((cell) => cell[0]), text: cells.map((cell) => cell[1]) };
                return kept.shared ? Object.assign(lists, { at: rows }) : lists;
            }
            return kept.shared ? { values: cells, at: rows } : cells;
        };

        return { add, keep, entry, size: () => Math.min(plain, shared) };
    };

    /**
     * An empty page for these columns, filled from one source or several.
     *
     * `drain(source, cursor)` reads on until the source ends, `limit` rows are there or the budget is spent, and tells
     * `{ stopped, cursor }`. A source is `{ key(result), cursor(group), query(cursor) }`: `query` gives paged data from after the cursor
     * on, in the order of the keys; `cursor` is what continues after a group `{ key, rows }`.
     */
    const start = (columns, limit, budget) => {
        const filled = columns.map((reader) => columnOf(reader, budget.bytesOf));
        const size = () => filled.reduce((bytes, column) => bytes + column.size(), 0);
        let rows = 0;

        const drain = (source, from) => {
            let cursor = from;
            for (;;) {
                const exhausted = budget.exhausted();
                if (exhausted !== null) {
                    return { stopped: exhausted, cursor };
                }
                const paged = source.query(cursor);
                const { groups, more } = paged.count === 0 ? { groups: [], more: false } : completeGroups(paged, source.key);
                if (groups.length === 0) {
                    // Nothing found may also be a search that gave up: whoever asked makes sure.
                    return { stopped: 'empty', cursor };
                }
                for (let index = 0; index < groups.length; index += 1) {
                    groups[index].rows.forEach((row) => columns.forEach((column, place) => filled[place].add(column.read(row))));
                    // The first group is always sent, lest there be no headway.
                    if (rows > 0 && !budget.fits(size())) {
                        return { stopped: 'bytes', cursor };
                    }
                    filled.forEach((column) => column.keep());
                    rows += groups[index].rows.length;
                    cursor = source.cursor(groups[index]);
                    const last = !more && index === groups.length - 1;
                    if (last || rows >= limit) {
                        return { stopped: last ? 'end' : 'limit', cursor };
                    }
                }
            }
        };

        const answer = (stopped, cursor) => ({
            columns: columns.map((column) => column.about),
            rows,
            values: filled.map((column) => column.entry()),
            cursor,
            done: stopped === 'end' || stopped === 'empty',
            stopped,
        });

        return { drain, answer, full: () => rows >= limit };
    };

    return { start };
});
