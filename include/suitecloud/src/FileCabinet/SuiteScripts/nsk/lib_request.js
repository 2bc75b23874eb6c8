/**
 * Reads and checks what a caller asks for. A wrong argument is refused by name, so that a person can mend the call.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/error', './lib_time'], (error, time) => {
    const DEFAULT_LIMIT = 5000;

    const refuse = (message) => error.create({ name: 'NSK_BAD_REQUEST', message, notifyOff: true });

    const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

    const given = (body, name) => body[name] !== undefined && body[name] !== null;

    const wholeNumber = (body, name, least) => {
        const value = typeof body[name] === 'string' ? Number(body[name] || NaN) : body[name];
        if (!Number.isSafeInteger(value) || value < least) {
            throw refuse(`"${name}" must be a whole number of at least ${least}`);
        }
        return value;
    };

    const moment = (body, name) => {
        if (!given(body, name)) {
            return null;
        }
        const value = time.fromIso(body[name]);
        if (value === null) {
            throw refuse(`"${name}" must be a moment such as 2026-11-20T10:00:00Z`);
        }
        return value;
    };

    const action = (body, known) => {
        if (!isObject(body)) {
            throw refuse('the body must be a JSON object');
        }
        if (!known.includes(body.action)) {
            throw refuse(`"action" must be one of ${known.sort().join(', ')}`);
        }
        return body.action;
    };

    const search = (body) => {
        const id = typeof body.search === 'number' ? String(body.search) : body.search;
        if (typeof id !== 'string' || id.trim() === '') {
            throw refuse('"search" must be the id of a saved search, such as customsearch_nsk_items');
        }
        return id.trim();
    };

    /** The moments `from` and `to` as dates, or null. */
    const moments = (body) => {
        const from = moment(body, 'from');
        const to = moment(body, 'to');
        if (from !== null && to !== null && from > to) {
            throw refuse('"from" must not be later than "to"');
        }
        return { from, to };
    };

    const after = (body) => (given(body, 'after') ? wholeNumber(body, 'after', 0) : null);

    /** What bounds the rows of a search: internal ids (`after` exclusive, `until` inclusive) and moments. */
    const window = (body) => Object.assign(moments(body), {
        after: after(body),
        until: given(body, 'until') ? wholeNumber(body, 'until', 0) : null,
    });

    const limit = (body) => (given(body, 'limit') ? wholeNumber(body, 'limit', 1) : DEFAULT_LIMIT);

    const types = (body) => {
        const value = body.types;
        if (!Array.isArray(value) || value.length === 0 || !value.every((type) => typeof type === 'string' && type)) {
            throw refuse('"types" must be a list of record types, such as ["customer", "inventoryitem"]');
        }
        return value;
    };

    return { action, after, given, limit, moments, refuse, search, types, window };
});
