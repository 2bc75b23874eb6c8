/**
 * Reads and checks what a caller asks for. A wrong argument is refused by name, so that a person can mend the call.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/error', './lib_time'], (error, time) => {
    const DEFAULT_LIMIT = 5000;
    const FIELD = /^[a-z][a-z0-9_]*$/;
    const FILTER = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$/;

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

    /** The filter that the moments bound, or null for the record's last change. */
    const stamp = (body) => {
        if (!given(body, 'stamp')) {
            return null;
        }
        if (typeof body.stamp !== 'string' || !FIELD.test(body.stamp)) {
            throw refuse('"stamp" must be the id of a date and time filter, such as lastquantityavailablechange');
        }
        return body.stamp;
    };

    const isIdList = (values) => Array.isArray(values) && values.length > 0
        && values.every((value) => (typeof value === 'string' && value !== '') || Number.isSafeInteger(value));

    /** Filters and the ids that each is narrowed to, as `[filter, ids]`. */
    const only = (body) => {
        if (!given(body, 'only')) {
            return [];
        }
        const narrowed = isObject(body.only) ? Object.keys(body.only).map((name) => [name, body.only[name]]) : null;
        if (narrowed === null || !narrowed.every(([name, values]) => FILTER.test(name) && isIdList(values))) {
            throw refuse('"only" must be an object of filters and lists of ids, such as {"type": ["SalesOrd", "CashSale"]}');
        }
        return narrowed.map(([name, values]) => [name, values.map(String)]);
    };

    /** What bounds the rows of a search: internal ids (`after` exclusive, `until` inclusive), moments, and lists of ids. */
    const window = (body) => Object.assign(moments(body), {
        after: after(body),
        until: given(body, 'until') ? wholeNumber(body, 'until', 0) : null,
        stamp: stamp(body),
        only: only(body),
    });

    const limit = (body, usual = DEFAULT_LIMIT, most = Infinity) => {
        if (!given(body, 'limit')) {
            return usual;
        }
        const value = wholeNumber(body, 'limit', 1);
        if (value > most) {
            throw refuse(`"limit" must be at most ${most}`);
        }
        return value;
    };

    /** A list of whole numbers, each once. */
    const ids = (body, most) => {
        const value = body.ids;
        if (!Array.isArray(value) || value.length > most || !value.every((id) => Number.isSafeInteger(id) && id > 0)) {
            throw refuse(`"ids" must be a list of at most ${most} ids, such as [101, 102]`);
        }
        return Array.from(new Set(value));
    };

    const types = (body) => {
        const value = body.types;
        if (!Array.isArray(value) || value.length === 0 || !value.every((type) => typeof type === 'string' && type)) {
            throw refuse('"types" must be a list of record types, such as ["customer", "inventoryitem"]');
        }
        return value;
    };

    return { action, after, given, ids, limit, moments, refuse, search, types, window };
});
