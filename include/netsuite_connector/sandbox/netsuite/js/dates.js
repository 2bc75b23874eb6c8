// Dates and moments in a user's format and time zone.
// Inside the account a date is 'YYYY-MM-DD' and a moment 'YYYY-MM-DDTHH:MM:SSZ'; both compare as text.
'use strict';

(() => {
    const LONG_MONTHS = {
        en: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
        es: ['enero', 'febrero', 'marzo', 'abril', 'mayo', 'junio', 'julio', 'agosto', 'septiembre', 'octubre', 'noviembre', 'diciembre'],
        de: ['Januar', 'Februar', 'März', 'April', 'Mai', 'Juni', 'Juli', 'August', 'September', 'Oktober', 'November', 'Dezember'],
    };
    // Names of months are in the user's language, in searches as in N/format.
    const longMonths = () => LONG_MONTHS[ns.settings.language.slice(0, 2)] || LONG_MONTHS.en;
    const months = () => longMonths().map((name) => name.slice(0, 3));
    const two = (number) => String(number).padStart(2, '0');

    // What a format is made of, how each piece is written and what it matches.
    const PIECES = {
        YYYY: [(d) => String(d.year).padStart(4, '0'), '(\\d{4})', (d, text) => { d.year = Number(text); }],
        MONTH: [(d) => longMonths()[d.month - 1], '(\\p{L}+)', (d, text) => { d.month = monthOf(longMonths(), text); }],
        Mon: [(d) => months()[d.month - 1], '(\\p{L}{3})', (d, text) => { d.month = monthOf(months(), text); }],
        MON: [(d) => months()[d.month - 1].toUpperCase(), '(\\p{L}{3})', (d, text) => { d.month = monthOf(months(), text); }],
        MM: [(d) => two(d.month), '(\\d{1,2})', (d, text) => { d.month = Number(text); }],
        M: [(d) => String(d.month), '(\\d{1,2})', (d, text) => { d.month = Number(text); }],
        DD: [(d) => two(d.day), '(\\d{1,2})', (d, text) => { d.day = Number(text); }],
        D: [(d) => String(d.day), '(\\d{1,2})', (d, text) => { d.day = Number(text); }],
        hh: [(d) => two(d.hour % 12 || 12), '(\\d{1,2})', (d, text) => { d.hour12 = Number(text); }],
        h: [(d) => String(d.hour % 12 || 12), '(\\d{1,2})', (d, text) => { d.hour12 = Number(text); }],
        HH: [(d) => two(d.hour), '(\\d{1,2})', (d, text) => { d.hour = Number(text); }],
        H: [(d) => String(d.hour), '(\\d{1,2})', (d, text) => { d.hour = Number(text); }],
        mm: [(d) => two(d.minute), '(\\d{2})', (d, text) => { d.minute = Number(text); }],
        ss: [(d) => two(d.second), '(\\d{2})', (d, text) => { d.second = Number(text); }],
        a: [(d) => (d.hour < 12 ? 'am' : 'pm'), '([AaPp][Mm])', (d, text) => { d.half = text.toLowerCase(); }],
    };
    const PIECE = /YYYY|MONTH|MON|Mon|MM|M|DD|D|hh|h|HH|H|mm|ss|a/g;

    function monthOf(names, text) {
        return names.findIndex((name) => name.toLowerCase() === text.toLowerCase()) + 1;
    }

    const patterns = new Map();
    const compile = (format) => {
        if (!patterns.has(format)) {
            const setters = [];
            const source = format.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(PIECE, (piece) => {
                setters.push(PIECES[piece][2]);
                return PIECES[piece][1];
            });
            patterns.set(format, { setters, expression: new RegExp(`^${source}$`, 'u') });
        }
        return patterns.get(format);
    };

    const write = (format, parts) => format.replace(PIECE, (piece) => PIECES[piece][0](parts));

    const read = (format, text) => {
        const { setters, expression } = compile(format);
        const found = expression.exec(text.trim());
        if (found === null) {
            return null;
        }
        const parts = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
        setters.forEach((set, index) => set(parts, found[index + 1]));
        if (parts.half !== undefined) {
            if (parts.hour12 < 1 || parts.hour12 > 12) {
                return null;
            }
            parts.hour = (parts.hour12 % 12) + (parts.half === 'pm' ? 12 : 0);
        }
        const check = new Date(Date.UTC(parts.year, parts.month - 1, parts.day));
        const real = check.getUTCMonth() + 1 === parts.month && check.getUTCDate() === parts.day
            && parts.hour < 24 && parts.minute < 60 && parts.second < 60;
        return real ? parts : null;
    };

    // Offsets change at quarters of an hour only, so one look-up serves a quarter.
    const QUARTER = 15 * 60 * 1000;
    const zones = new Map();
    const offset = (zone, milliseconds) => {
        if (!zones.has(zone)) {
            const clock = new Intl.DateTimeFormat('en-US', {
                timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric',
            });
            zones.set(zone, { clock, known: new Map() });
        }
        const { clock, known } = zones.get(zone);
        const quarter = Math.floor(milliseconds / QUARTER);
        if (!known.has(quarter)) {
            const parts = {};
            clock.formatToParts(new Date(quarter * QUARTER)).forEach(({ type, value }) => { parts[type] = Number(value); });
            known.set(quarter, Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute) - quarter * QUARTER);
        }
        return known.get(quarter);
    };

    /** Year to second of a moment on the clock of a zone. */
    const onClock = (milliseconds, zone) => {
        const local = new Date(milliseconds + offset(zone, milliseconds));
        return {
            year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate(),
            hour: local.getUTCHours(), minute: local.getUTCMinutes(), second: local.getUTCSeconds(),
        };
    };

    /** The moment of a time on a zone's clock; of two that read the same the later one, as the platform's calendar takes it. */
    const fromClock = (parts, zone) => {
        const local = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
        const standard = local - offset(zone, local + 12 * 3600000);
        if (standard + offset(zone, standard) === local) {
            return standard;
        }
        return local - offset(zone, local - 12 * 3600000);
    };

    const iso = (milliseconds) => `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
    const isoDate = (parts) => `${String(parts.year).padStart(4, '0')}-${two(parts.month)}-${two(parts.day)}`;
    const dateParts = (text) => ({ year: Number(text.slice(0, 4)), month: Number(text.slice(5, 7)), day: Number(text.slice(8, 10)) });

    ns.dates = {
        iso,
        isoDate,
        onClock,
        fromClock,
        fromIso: (text) => Date.parse(text),
        withSeconds: (format) => format.replace(/([:-])mm/, '$1mm$1ss'),
        /** 'YYYY-MM-DD' in the user's format. */
        showDate: (text) => write(ns.settings.dateFormat, dateParts(text)),
        /** 'YYYY-MM-DDTHH:MM:SSZ' in the user's format and time zone, to the minute, as searches show it. */
        showMoment: (text) => ns.dates.write(Date.parse(text), ns.settings.timezone, ns.settings.timeFormat),
        write: (milliseconds, zone, timeFormat) => write(`${ns.settings.dateFormat} ${timeFormat}`, onClock(milliseconds, zone)),
        /** Parts of a date in the user's format, or null. */
        readDate: (text) => read(ns.settings.dateFormat, text),
        /** Milliseconds of a date and time in the user's date format and a time format, or null. */
        readMoment: (text, zone, timeFormat) => {
            const parts = read(`${ns.settings.dateFormat} ${timeFormat}`, text);
            return parts === null ? null : fromClock(parts, zone);
        },
        known: (zone) => {
            try {
                offset(zone, 0);
                return true;
            } catch (unknown) {
                return false;
            }
        },
    };
})();
