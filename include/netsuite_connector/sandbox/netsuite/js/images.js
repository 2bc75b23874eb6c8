// Generated files: the folder of item images, named as a SuiteCommerce website reads them.
//
// A website's image set-up names a file by the item's identifier (here its name), the identifier's delimiter `_`, a keyword, and then,
// parted by the structure delimiter `-`, the value of the configured option and a number that tells several images of one apart:
// `TSHI-00012_media-Navy-01.jpg`. A matrix parent's name stands in the names of its children's images, since the store shows the
// parent. Source: Oracle, "Rename Image Files with the Item Identifier" (docs.oracle.com, NetSuite online help section_162137381373).
'use strict';

(() => {
    const { chance } = ns.chance;

    const KEYWORD = 'media';
    const FOLDERS = [
        { internalid: 1, name: 'Web Site Hosting Files', parent: null },
        { internalid: 2, name: 'Live Hosting Files', parent: '1' },
        { internalid: 3, name: 'images', parent: '2' },
    ];
    const IMAGES = '3';
    const OPTION = 'custitem_color'; // which matrix option chooses the image

    const nameOf = (item, option, number) => (
        `${item.itemid}_${[KEYWORD, ...(option === null ? [] : [option]), String(number).padStart(2, '0')].join('-')}.jpg`
    );

    /**
     * Folders and files for a list of items. One item in ten has no image; some have two. Items are told which file is their display
     * image.
     */
    ns.generateFiles = (seed, items) => {
        const luck = chance(seed, 'images');
        const files = [];
        const add = (item, option, number) => {
            const internalid = 5000 + files.length;
            const name = nameOf(item, option, number);
            const key = String(luck.below(1e9)).padStart(9, '0');
            files.push({
                internalid, name, folder: IMAGES, filetype: 'JPGIMAGE', documentsize: luck.between(20, 900), isavailable: true,
                url: `/core/media/media.nl?id=${internalid}&c=${ns.settings.account}&h=${key}`, hostedpath: `/images/${name}`,
                availablewithoutlogin: true, owner: '11', created: item.created, lastmodifieddate: item.created,
            });
            return String(internalid);
        };
        const several = (item, option) => {
            const first = add(item, option, 1);
            if (luck.holds(0.4)) {
                add(item, option, 2);
            }
            return first;
        };
        const children = new Map();
        items.filter(({ matrixchild }) => matrixchild).forEach((child) => {
            children.set(child.parent, (children.get(child.parent) || []).concat(child));
        });
        items.filter(({ matrixchild }) => !matrixchild).forEach((item) => {
            if (luck.holds(0.1)) {
                return;
            }
            item.storedisplayimage = several(item, null);
            const own = children.get(String(item.internalid)) || [];
            const values = [...new Set(own.map((child) => child[OPTION]))];
            values.forEach((value) => {
                const image = several(item, ns.words.lists.customlist_color[value]);
                own.filter((child) => child[OPTION] === value).forEach((child) => { child.storedisplayimage = image; });
            });
        });
        const folders = FOLDERS.map((folder) => ({ ...folder, isinactive: false, lastmodifieddate: '2021-11-01T00:00:00Z' }));
        return { folders, files };
    };
})();
