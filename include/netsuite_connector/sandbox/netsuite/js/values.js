// Values as searches show them: in the user's formats, cut to what a column holds.
'use strict';

(() => {
    const TEXT_LIMIT = 4000; // bytes; longer text is cut in search results

    const cut = (text) => {
        if (text.length * 3 <= TEXT_LIMIT || ns.utf8Length(text) <= TEXT_LIMIT) {
            return text;
        }
        let kept = text.slice(0, TEXT_LIMIT);
        while (ns.utf8Length(kept) > TEXT_LIMIT) {
            const over = ns.utf8Length(kept) - TEXT_LIMIT;
            kept = kept.slice(0, -Math.max(1, Math.floor(over / 3)));
        }
        const last = kept.charCodeAt(kept.length - 1);
        return last >= 0xd800 && last <= 0xdbff ? kept.slice(0, -1) : kept;
    };

    const money = (number) => number.toFixed(2).replace(/^(-?)0\./, '$1.');

    const SHOW = {
        checkbox: (value) => value === true,
        currency: money,
        currency2: (value) => (Math.abs(value * 100 - Math.round(value * 100)) < 1e-9 ? money(value) : String(value)),
        percent: (value) => `${value}%`,
        date: (value) => ns.dates.showDate(value),
        datetime: (value) => ns.dates.showMoment(value),
        datetimetz: (value) => ns.dates.showMoment(value),
        multiselect: (value) => (Array.isArray(value) ? value.join(',') : String(value)),
    };

    const isEmpty = (value) => value === null || value === undefined || value === '';

    /** A value as Result.getValue gives it: true or false for a check box, text otherwise, '' for nothing. */
    ns.showValue = (field, value) => {
        if (field.name === 'mainline') {
            return value ? '*' : '';
        }
        if (isEmpty(value)) {
            return field.type === 'checkbox' && !field.joined ? false : '';
        }
        if (field.isStatus) {
            return ns.kinds.statusWords(value)[0];
        }
        const show = SHOW[field.type];
        return show === undefined ? cut(String(value)) : show(value);
    };

    /** The words of a select, as Result.getText gives them. */
    ns.showText = (field, value) => {
        if (isEmpty(value)) {
            return '';
        }
        return Array.isArray(value) ? value.map(field.text).join(',') : field.text(value);
    };
})();
