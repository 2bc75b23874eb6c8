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
        if (rows.length >= paged.count) {
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
        return { groups, more: false };
    };

    const emptyValues = (columns) => columns.map((reader) => (
        ['select', 'multiselect'].includes(reader.about.type) ? { id: [], text: [] } : []
    ));

    const append = (values, cells) => cells.forEach((cell, index) => {
        const into = values[index];
        if (Array.isArray(into)) {
            into.push(cell);
        } else {
            into.id.push(cell[0]);
            into.text.push(cell[1]);
        }
    });

    /**
     * An empty page for these columns, filled from one source or several.
     *
     * `drain(source, cursor)` reads on until the source ends, `limit` rows are there or the budget is spent, and tells
     * `{ stopped, cursor }`. A source is `{ key(result), cursor(group), query(cursor) }`: `query` gives paged data from after the cursor
     * on, in the order of the keys; `cursor` is what continues after a group `{ key, rows }`.
     */
    const start = (columns, limit, budget) => {
        const values = emptyValues(columns);
        let rows = 0;

        const drain = (source, from) => {
            let cursor = from;
            for (;;) {
                const exhausted = budget.exhausted();
                if (exhausted !== null) {
                    return { stopped: exhausted, cursor };
                }
                const paged = source.query(cursor);
                if (paged.count === 0) {
                    return { stopped: 'end', cursor };
                }
                const { groups, more } = completeGroups(paged, source.key);
                for (let index = 0; index < groups.length; index += 1) {
                    const cells = groups[index].rows.map((row) => columns.map((column) => column.read(row)));
                    if (!budget.fits(cells)) {
                        return { stopped: 'bytes', cursor };
                    }
                    cells.forEach((row) => append(values, row));
                    rows += cells.length;
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
            values,
            cursor,
            done: stopped === 'end',
            stopped,
        });

        return { drain, answer, full: () => rows >= limit };
    };

    return { start };
});
