// The part of formula columns and filters that this account understands: fields in braces, text, numbers, NULL, || + - * / ( ),
// comparisons, AND OR NOT, IS NULL, IN, LIKE, CASE, and the functions below. Anything else gives what NetSuite shows for it,
// 'ERROR: Invalid Expression'; an unknown field gives 'ERROR: Field Not Found'.
'use strict';

(() => {
    const TOKEN = /\s*(?:(\d+(?:\.\d+)?|\.\d+)|'((?:[^']|'')*)'|\{([^}]+)\}|(\|\||<>|!=|<=|>=|[-+*/(),=<>])|([A-Za-z_][A-Za-z_0-9]*))/y;
    const INVALID = 'ERROR: Invalid Expression';
    const UNKNOWN = 'ERROR: Field Not Found';

    class FormulaError extends Error {}

    const tokens = (text) => {
        const found = [];
        TOKEN.lastIndex = 0;
        const end = text.trimEnd().length;
        while (TOKEN.lastIndex < end) {
            const match = TOKEN.exec(text);
            if (match === null) {
                throw new FormulaError(INVALID);
            }
            const [, number, string, field, sign, word] = match;
            if (number !== undefined) {
                found.push({ kind: 'value', value: Number(number) });
            } else if (string !== undefined) {
                found.push({ kind: 'value', value: string.replace(/''/g, "'") });
            } else if (field !== undefined) {
                found.push({ kind: 'field', value: field.trim() });
            } else {
                found.push({ kind: 'sign', value: sign === undefined ? word.toUpperCase() : sign });
            }
        }
        return found;
    };

    const isNull = (value) => value === null || value === undefined || value === '';
    const text = (value) => (isNull(value) ? '' : String(value));
    const number = (value) => (isNull(value) ? null : Number(value));
    const arithmetic = (operation) => (a, b) => (isNull(a) || isNull(b) ? null : operation(Number(a), Number(b)));
    const order = (a, b) => {
        if (typeof a === 'number' || typeof b === 'number') {
            return Number(a) - Number(b);
        }
        return a < b ? -1 : Number(a > b);
    };
    const comparison = (holds) => (a, b) => (isNull(a) || isNull(b) ? null : holds(order(a, b)));
    const like = (pattern) => new RegExp(
        `^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%/g, '.*').replace(/_/g, '.')}$`, 's',
    );
    const round = (value, digits = 0) => Math.round((value + Number.EPSILON) * 10 ** digits) / 10 ** digits;

    // Moments are written as they are stored, in UTC.
    const toChar = (value, format) => {
        if (isNull(value) || format === undefined) {
            return text(value);
        }
        const [year, month, day, hour = '00', minute = '00', second = '00'] = String(value).split(/[-T:Z]/);
        const parts = { yyyy: year, mm: month, dd: day, hh24: hour, mi: minute, ss: second };
        return format.toLowerCase().replace(/yyyy|hh24|mm|dd|mi|ss/g, (piece) => parts[piece]);
    };

    const FUNCTIONS = {
        NVL: (value, other) => (isNull(value) ? other : value),
        NVL2: (value, some, none) => (isNull(value) ? none : some),
        COALESCE: (...values) => values.find((value) => !isNull(value)) ?? null,
        NULLIF: (one, other) => (one === other ? null : one),
        UPPER: (value) => text(value).toUpperCase(),
        LOWER: (value) => text(value).toLowerCase(),
        TRIM: (value) => text(value).trim(),
        LENGTH: (value) => (isNull(value) ? null : text(value).length),
        CONCAT: (one, other) => text(one) + text(other),
        REPLACE: (value, from, to) => text(value).split(text(from)).join(text(to)),
        SUBSTR: (value, start, length) => {
            const from = start > 0 ? start - 1 : Math.max(0, text(value).length + start);
            return text(value).slice(from, length === undefined ? undefined : from + length);
        },
        INSTR: (value, part) => text(value).indexOf(text(part)) + 1,
        ROUND: (value, digits) => (isNull(value) ? null : round(Number(value), digits)),
        ABS: (value) => (isNull(value) ? null : Math.abs(Number(value))),
        TO_CHAR: toChar,
        TO_NUMBER: number,
        DECODE: (value, ...pairs) => {
            for (let index = 0; index + 1 < pairs.length; index += 2) {
                if (pairs[index] === value) {
                    return pairs[index + 1];
                }
            }
            return pairs.length % 2 === 1 ? pairs[pairs.length - 1] : null;
        },
    };

    const BINARY = {
        '+': arithmetic((a, b) => a + b),
        '-': arithmetic((a, b) => a - b),
        '*': arithmetic((a, b) => a * b),
        '/': arithmetic((a, b) => (b === 0 ? null : a / b)),
        '||': (a, b) => text(a) + text(b),
        '=': comparison((sign) => sign === 0),
        '<>': comparison((sign) => sign !== 0),
        '!=': comparison((sign) => sign !== 0),
        '<': comparison((sign) => sign < 0),
        '<=': comparison((sign) => sign <= 0),
        '>': comparison((sign) => sign > 0),
        '>=': comparison((sign) => sign >= 0),
    };

    const fieldValue = (type, path, used) => {
        const pieces = path.split('.');
        const id = pieces[pieces.length - 1].toLowerCase() === 'id' && pieces.length > 1;
        if (id) {
            pieces.pop();
        }
        const name = pieces.pop().toLowerCase();
        let field;
        try {
            field = ns.columnField(type, name, pieces.length === 0 ? null : pieces.join('.').toLowerCase(), used);
        } catch (refused) {
            throw new FormulaError(UNKNOWN);
        }
        const words = ['select', 'multiselect'].includes(field.type) && !id && name !== 'internalid';
        used.others = used.others || words; // the words may be another record's name
        return (record, line) => {
            const value = id ? (field.stored || field.read)(record, line) : field.read(record, line);
            if (field.type === 'checkbox') {
                return value ? 'T' : 'F';
            }
            return words ? ns.showText(field, value) : value;
        };
    };

    /** A recursive descent; every step gives a function of a row. */
    const parse = (type, source, used) => {
        const left = tokens(source);
        const at = (...signs) => left.length > 0 && left[0].kind === 'sign' && signs.includes(left[0].value);
        const take = (sign) => {
            if (!at(sign)) {
                throw new FormulaError(INVALID);
            }
            left.shift();
        };
        const binary = (next, ...signs) => () => {
            let one = next();
            while (at(...signs)) {
                const apply = BINARY[left.shift().value];
                const a = one;
                const b = next();
                one = (...row) => apply(a(...row), b(...row));
            }
            return one;
        };
        const list = (next) => {
            const items = [];
            take('(');
            while (!at(')')) {
                items.push(next());
                if (!at(')')) {
                    take(',');
                }
            }
            take(')');
            return items;
        };

        const cases = () => {
            const whens = [];
            let otherwise = () => null;
            while (at('WHEN')) {
                take('WHEN');
                const condition = either();
                take('THEN');
                whens.push([condition, either()]);
            }
            if (at('ELSE')) {
                take('ELSE');
                otherwise = either();
            }
            take('END');
            return (...row) => (whens.find(([condition]) => condition(...row) === true) || [null, otherwise])[1](...row);
        };

        const primary = () => {
            const token = left.shift();
            if (token === undefined) {
                throw new FormulaError(INVALID);
            }
            if (token.kind === 'value') {
                return () => token.value;
            }
            if (token.kind === 'field') {
                return fieldValue(type, token.value, used);
            }
            if (token.value === '(') {
                const inner = either();
                take(')');
                return inner;
            }
            if (token.value === '-') {
                const inner = primary();
                return (...row) => BINARY['-'](0, inner(...row));
            }
            if (token.value === 'NULL') {
                return () => null;
            }
            if (token.value === 'CASE') {
                return cases();
            }
            const call = FUNCTIONS[token.value];
            if (call === undefined) {
                throw new FormulaError(INVALID);
            }
            const parts = list(either);
            return (...row) => call(...parts.map((part) => part(...row)));
        };
        const product = binary(primary, '*', '/');
        const sum = binary(product, '+', '-', '||');
        const compared = () => {
            const one = sum();
            if (at('IS')) {
                take('IS');
                const no = at('NOT');
                if (no) {
                    take('NOT');
                }
                take('NULL');
                return (...row) => isNull(one(...row)) !== no;
            }
            const no = at('NOT');
            if (no) {
                take('NOT');
            }
            if (at('IN')) {
                take('IN');
                const items = list(sum);
                return (...row) => items.some((item) => item(...row) === one(...row)) !== no;
            }
            if (at('LIKE')) {
                take('LIKE');
                const pattern = sum();
                return (...row) => like(text(pattern(...row))).test(text(one(...row))) !== no;
            }
            if (no) {
                throw new FormulaError(INVALID);
            }
            if (at('=', '<>', '!=', '<', '<=', '>', '>=')) {
                const apply = BINARY[left.shift().value];
                const other = sum();
                return (...row) => apply(one(...row), other(...row));
            }
            return one;
        };
        const negated = () => {
            if (!at('NOT')) {
                return compared();
            }
            take('NOT');
            const inner = negated();
            return (...row) => inner(...row) === false;
        };
        const both = () => {
            let one = negated();
            while (at('AND')) {
                take('AND');
                const a = one;
                const b = negated();
                one = (...row) => a(...row) === true && b(...row) === true;
            }
            return one;
        };
        function either() {
            let one = both();
            while (at('OR')) {
                take('OR');
                const a = one;
                const b = both();
                one = (...row) => a(...row) === true || b(...row) === true;
            }
            return one;
        }

        const whole = either();
        if (left.length > 0) {
            throw new FormulaError(INVALID);
        }
        return whole;
    };

    /** A function of a row that gives a formula's value: text, number or null. What it uses is added to `used`. */
    ns.formula = (type, source, used = new ns.Used()) => {
        try {
            const value = parse(type, String(source || ''), used);
            return (record, line) => {
                const result = value(record, line);
                return result === true ? 'T' : result === false ? 'F' : result;
            };
        } catch (failure) {
            if (!(failure instanceof FormulaError)) {
                throw failure;
            }
            return () => failure.message;
        }
    };
})();
