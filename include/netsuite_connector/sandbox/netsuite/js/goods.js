// Generated items: stand-alone ones, and matrix parents with their children.
'use strict';

(() => {
    const { YEARS, cents, chance, changed, minute, plain, slug, stamps } = ns.chance;

    const SHIPPING = 41; // the item of shipping lines; the shipping method has the same id
    const TYPES = [['InvtPart', 60], ['NonInvtPart', 13], ['Assembly', 11], ['Kit', 11], ['Service', 3], ['Discount', 2]];

    const item = (luck, id, itemid, displayname, type, made, now, more = {}) => {
        const stocked = type === 'InvtPart' || type === 'Assembly';
        const material = luck.pick(ns.words.materials);
        const described = !luck.holds(0.02);
        return {
            internalid: id,
            itemid,
            displayname,
            type,
            salesdescription: described ? `${displayname} in ${material.toLowerCase()}. Made to last.` : '',
            storedescription: described ? `<p>Our ${displayname.toLowerCase()} is made of ${material.toLowerCase()}.</p>` : '',
            quantityavailable: stocked ? Math.max(0, luck.between(-20, 400)) : null,
            baseprice: luck.holds(0.02) ? null : cents(luck.between(300, 25000) / 100),
            urlcomponent: luck.holds(0.01) ? '' : slug(`${displayname} ${itemid}`),
            imageurl: luck.holds(0.9) ? `https://shop.example/images/${slug(itemid)}.jpg` : '',
            parent: null,
            matrix: false,
            matrixchild: false,
            isonline: luck.holds(0.85),
            isinactive: luck.holds(0.03),
            created: minute(made),
            lastmodifieddate: minute(changed(luck, made, now)),
            custitem_material: luck.holds(0.8) ? material : '',
            ...more,
        };
    };

    const code = (name, number) => `${plain(name).slice(0, 4).toUpperCase()}-${String(number).padStart(5, '0')}`;

    const family = (luck, id, number, room, made, now) => {
        const { words } = ns;
        const name = `${luck.pick(words.adjectives)} ${luck.pick(words.garments)}`;
        const itemid = code(name, number);
        const parent = item(luck, id, itemid, name, 'InvtPart', made, now, { matrix: true, quantityavailable: null });
        const sizes = ['2', '3', '4', '5'].slice(0, luck.between(2, 4));
        const colors = Object.keys(words.lists.customlist_color).slice(luck.below(3)).slice(0, luck.between(1, 3));
        const options = sizes.flatMap((size) => colors.map((color) => [size, color])).slice(0, room);
        const children = options.map(([size, color], index) => {
            const [large, tint] = [words.lists.customlist_size[size], words.lists.customlist_color[color]];
            const own = `${itemid}-${large}-${tint.toUpperCase()}`;
            return item(luck, id + 1 + index, `${itemid} : ${own}`, `${name} ${large} ${tint}`, 'InvtPart', made, now, {
                parent: String(id), matrixchild: true, custitem_size: size, custitem_color: color,
                custitem_material: parent.custitem_material,
                urlcomponent: luck.holds(0.01) ? '' : parent.urlcomponent,
            });
        });
        return [parent, ...children];
    };

    /** Gives items what is below them and what follows from it, from a stream of chance of its own. */
    const furnish = (seed, all, now) => {
        const luck = chance(seed, 'shelves');
        all.forEach((each) => {
            const online = each.baseprice === null ? null : cents(each.baseprice * 0.95);
            const stock = each.quantityavailable === null ? [] : ns.shelves.stock(luck, each.quantityavailable);
            Object.assign(each, {
                pricing: ns.shelves.prices(each.baseprice),
                stock,
                categories: each.isonline && !each.matrixchild ? ns.shelves.categories(luck, each.displayname) : [],
                onlineprice: online,
                quantityonhand: stock.length === 0 ? null : stock.reduce((sum, entry) => sum + entry.locationquantityonhand, 0),
                lastquantityavailablechange: stock.length === 0 ? null : minute(changed(luck, Date.parse(each.created), now)),
                website: luck.weighted([[['1'], 70], [['1', '2'], 20], [['2'], 10]]),
                itemurl: each.urlcomponent === '' ? '' : `https://shop.example/${each.urlcomponent}`,
                isavailable: each.quantityavailable === null || each.quantityavailable > 0,
                upccode: luck.holds(0.7) ? String(4000000000000 + each.internalid * 97) : '',
                manufacturer: luck.holds(0.5) ? luck.pick(ns.words.companies) : '',
                weight: stock.length === 0 ? null : luck.between(1, 80) / 10,
            });
        });
        return all;
    };

    /** So many items up to a moment, half of them matrix parents and children. */
    const items = (seed, size, now) => {
        const luck = chance(seed, 'items');
        const made = stamps(luck, size, now, 0.1);
        const all = [];
        let id = 100;
        let number = 0;
        let related = 0; // matrix parents and children
        while (all.length < size) {
            id += luck.between(1, 2);
            number += 1;
            if (related < all.length / 2 && size - all.length > 2) {
                const members = family(luck, id, number, size - all.length - 1, made(all.length), now);
                all.push(...members);
                id += members.length;
                related += members.length;
                continue;
            }
            const name = `${luck.pick(ns.words.adjectives)} ${luck.pick(ns.words.products)}`;
            const type = luck.weighted(TYPES);
            all.push(item(luck, id, code(name, number), name, type, made(all.length), now));
        }
        return furnish(seed, all, now);
    };

    const shipping = (seed, now) => (
        item(chance(seed, 'shipping'), SHIPPING, 'Standard Shipping', 'Standard Shipping', 'ShipItem', now - YEARS, now)
    );

    ns.generateItems = { SHIPPING, items, shipping };
})();
