/**
 * Between ISO 8601 UTC, which the wire carries, and the calling user's date format, time format and time zone, which searches
 * read and write.
 *
 * NetSuite keeps moments to the minute. A formatted moment has no offset, so in the hour that a zone repeats when summer time
 * ends two moments read the same: `ambiguous` tells, and whoever needs a bound moves out of that hour.
 *
 * @NApiVersion 2.1
 * @NModuleScope SameAccount
 */
define(['N/format', 'N/runtime'], (format, runtime) => {
    const MINUTE = 60 * 1000;
    const HOUR = 60 * MINUTE;
    const ISO_MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
    // Seconds follow the minutes of either time format, h:mm or h-mm; a date before them ends in a blank.
    const SECONDS = /( \d{1,2}[:-]\d{2})[:-]\d{2}(?=\D|$)/;
    const MINUTES = /( \d{1,2}([:-])\d{2})(?=\s|$)/;

    const zone = () => runtime.getCurrentUser().getPreference({ name: 'TIMEZONE' });

    const iso = (date) => `${date.toISOString().slice(0, 19)}Z`;

    /** The moment that an ISO text with an offset names, or null. */
    const fromIso = (value) => {
        if (typeof value !== 'string' || !ISO_MOMENT.test(value)) {
            return null;
        }
        const date = new Date(value);
        return Number.isNaN(date.getTime()) ? null : date;
    };

    /** A moment as a search filter wants it. Filters take minutes; N/format writes seconds as well, so they are cut. */
    const toUser = (date) => String(format.format({
        value: date,
        type: format.Type.DATETIMETZ,
        timezone: zone(),
    })).replace(SECONDS, '$1');

    const parsed = (value) => {
        const date = format.parse({ value, type: format.Type.DATETIMETZ, timezone: zone() });
        return date instanceof Date && !Number.isNaN(date.getTime()) ? date : null;
    };

    /** The moment that a search column's text means, or null. With a time zone N/format may insist on seconds, so they are added. */
    const fromUser = (value) => {
        const text = String(value);
        return parsed(text.replace(MINUTES, (found, minutes, mark) => `${minutes}${mark}00`)) || parsed(text);
    };

    /** The calendar date that a search column's text means, as ISO, or null. */
    const dateFromUser = (value) => {
        const date = format.parse({ value: String(value), type: format.Type.DATE });
        if (!(date instanceof Date) || Number.isNaN(date.getTime())) {
            return null;
        }
        const two = (number) => String(number).padStart(2, '0');
        return `${String(date.getFullYear()).padStart(4, '0')}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    };

    const ambiguous = (date) => {
        const text = toUser(date);
        const back = fromUser(text);
        return back === null || back.getTime() !== date.getTime()
            || [-HOUR, -HOUR / 2, HOUR / 2, HOUR].some((shift) => toUser(new Date(date.getTime() + shift)) === text);
    };

    const outOfAmbiguity = (date, step) => {
        let moved = date;
        for (let tries = 0; tries < 4 && ambiguous(moved); tries += 1) {
            moved = new Date(moved.getTime() + step);
        }
        return moved;
    };

    /** The minute at or before a moment, moved an hour earlier as often as it reads like another moment. */
    const lower = (date) => outOfAmbiguity(new Date(Math.floor(date.getTime() / MINUTE) * MINUTE), -HOUR);

    /** The minute at or after a moment, moved an hour later as often as it reads like another moment. */
    const upper = (date) => outOfAmbiguity(new Date(Math.ceil(date.getTime() / MINUTE) * MINUTE), HOUR);

    return { MINUTE, ambiguous, dateFromUser, fromIso, fromUser, iso, lower, toUser, upper, zone };
});
