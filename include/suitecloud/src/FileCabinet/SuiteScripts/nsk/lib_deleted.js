/**
 * Deleted records, type after type, in the order of their deletion.
 *
 * NetSuite's list of deletions has no key to sort by but the minute of the deletion, so a page ends only where a minute ends, and
 * never within an hour that the user's time zone repeats. The cursor is `<record type>@<moment from which to go on>`.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/search', './lib_columns', './lib_pages', './lib_request', './lib_source', './lib_time'],
    (search, columns, pages, request, sources, time) => {
        const ENDS = ['end', 'empty'];

        const startOf = (body, types, from) => {
            if (!request.given(body, 'cursor')) {
                return { position: 0, from };
            }
            const [type, moment] = String(body.cursor).split('@');
            const date = moment === undefined ? from : time.fromIso(moment);
            if (!types.includes(type) || (moment !== undefined && date === null)) {
                throw request.refuse('"cursor" must be one that an earlier answer to the same call gave');
            }
            return { position: types.indexOf(type), from: date };
        };

        const cursorOf = (type, from) => (from === null ? type : `${type}@${time.iso(from)}`);

        /** The first moment after a deletion's minute that reads like no other. */
        const momentAfter = (minute) => {
            let moment = new Date(minute.getTime() + time.MINUTE);
            while (time.ambiguous(moment)) {
                moment = new Date(moment.getTime() + time.MINUTE);
            }
            return moment;
        };

        const read = (body, budget) => {
            const types = request.types(body);
            const { from, to } = request.moments(body);
            const begin = startOf(body, types, from);
            // Names of people who are gone leave NetSuite no more: they only make the order certain.
            const [date, name] = ['deleteddate', 'name'].map((each) => search.createColumn({ name: each, sort: search.Sort.ASC }));
            const moment = (result) => time.fromUser(result.getValue(date));

            let type = null;
            const about = (key, wire) => ({ key, name: key, join: null, label: null, type: wire });
            const unreadable = {};
            const page = pages.start([
                { about: about('internalid', 'integer'), read: (result) => Number(result.id) || null },
                { about: about('recordtype', 'text'), read: () => type },
            ].concat(columns.readers([date], unreadable)), request.limit(body), budget);
            const source = {
                // Rows of a repeated hour can't be told apart by their minute, so they stay together.
                key: (result) => (time.ambiguous(moment(result)) ? 'repeated hour' : result.getValue(date)),
                cursor: (group) => momentAfter(moment(group.rows[group.rows.length - 1])),
                query: (cursor) => search.create({
                    type: 'deletedrecord',
                    filters: sources.all([['recordtype', 'anyof', type]].concat(sources.momentTerms('deleteddate', cursor, to))),
                    columns: [date, name],
                }).runPaged({ pageSize: sources.PAGE_SIZE }),
            };

            let found = 'end';
            for (let position = begin.position; ; position += 1) {
                type = types[position];
                const { stopped, cursor } = page.drain(source, position === begin.position ? begin.from : from);
                found = stopped === 'empty' ? stopped : found;
                const last = position === types.length - 1;
                if (!ENDS.includes(stopped) || last) {
                    return Object.assign(page.answer(stopped === 'end' ? found : stopped, cursorOf(type, cursor)), { unreadable });
                }
                if (page.full()) {
                    return Object.assign(page.answer('limit', cursorOf(types[position + 1], from)), { unreadable });
                }
            }
        };

        return { read };
    });
