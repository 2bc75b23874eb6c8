// Streams of chance, and what generated records of every kind need.
'use strict';

(() => {
    const MINUTE = 60000;
    const DAY = 24 * 60 * MINUTE;
    const YEARS = 5 * 365 * DAY; // how far back records go

    /** A stream of chance (mulberry32), named by what it is for. */
    const chance = (seed, name) => {
        let state = [...`${seed}/${name}`].reduce((hash, letter) => Math.imul(hash ^ letter.codePointAt(0), 16777619), 2166136261) >>> 0;
        const next = () => {
            state = (state + 0x6d2b79f5) >>> 0;
            let mixed = Math.imul(state ^ (state >>> 15), state | 1);
            mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
            return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
        };
        const below = (limit) => Math.floor(next() * limit);
        return {
            next,
            below,
            between: (least, most) => least + below(most - least + 1),
            holds: (share) => next() < share,
            pick: (list) => list[below(list.length)],
            /** One of `[value, weight]` pairs. */
            weighted: (pairs) => {
                let left = next() * pairs.reduce((sum, [, weight]) => sum + weight, 0);
                return pairs.find(([, weight]) => { left -= weight; return left < 0; })[0];
            },
        };
    };

    const minute = (milliseconds) => ns.dates.iso(Math.floor(milliseconds / MINUTE) * MINUTE);
    const cents = (number) => Math.round(number * 100) / 100;
    const plain = (text) => text.normalize('NFD').replace(/[^\x20-\x7e]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '');
    const slug = (text) => text.normalize('NFD').replace(/[^\x20-\x7e]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/-$/, '');

    /** When the i-th of n records was made: in order, over five years up to `now`; some share a minute with the one before. */
    const stamps = (luck, n, now, together) => {
        let previous = 0;
        return (index) => {
            if (previous === 0 || !luck.holds(together)) {
                previous = Math.max(previous, now - YEARS + Math.floor((YEARS / (n + 1)) * (index + luck.next())));
            }
            return previous;
        };
    };

    /** When a record last changed: often when it was made, else later; a few in one sweep that touched many. */
    const changed = (luck, made, now) => {
        if (luck.holds(0.3)) {
            return made;
        }
        const sweep = now - luck.between(1, 6) * 30 * DAY;
        return luck.holds(0.1) && sweep > made ? sweep : Math.min(now, made + Math.floor((now - made) * luck.next() ** 2));
    };

    ns.chance = { DAY, YEARS, cents, chance, changed, minute, plain, slug, stamps };
})();
