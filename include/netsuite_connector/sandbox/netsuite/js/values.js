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

    const plain = (value) => cut(String(value));

    /** How a field's stored value is shown; empty ones apart. */
    const formOf = ({ type, isStatus }) => (isStatus ? (value) => ns.kinds.statusWords(value)[0] : SHOW[type] || plain);

    /** What is shown for nothing: a check box is then not ticked, unless it is another record's; groups of nothing have a name. */
    const nothingOf = ({ type, joined, grouped }) => {
        if (type === 'checkbox' && !joined) {
            return () => false;
        }
        return grouped && type !== 'select' && type !== 'multiselect' ? ns.noGroup : () => '';
    };

    ns.noGroup = () => `- ${ns.kinds.spoken('None')} -`;

    /** Fields with `show(value)`: the value as Result.getValue gives it, true or false for a check box, else text. */
    ns.shownFields = (fields) => fields.map((field) => {
        if (field.name === 'mainline' && !field.grouped) {
            return { ...field, show: (value) => (value ? '*' : '') };
        }
        const form = formOf(field);
        const nothing = nothingOf(field);
        return { ...field, show: (value) => (isEmpty(value) ? nothing() : form(value)) };
    });

    /** The words of a select, as Result.getText gives them. */
    ns.showText = (field, value) => {
        if (isEmpty(value)) {
            return '';
        }
        return Array.isArray(value) ? value.map(field.text).join(',') : field.text(value);
    };
})();
