// Pure: where a drawn corner snaps to: first corners of grids, then borders, walls of compounds and streets.

const CELL = 0.0005;

/** Targets: `corners` as points, `lines` as lists of points (borders, streets, walls). Kept by cells of some 50 m. */
export function snapTargets(corners, lines) {
  const points = new Map();
  const segments = new Map();
  const put = (map, cx, cy, what) => {
    const name = `${cx} ${cy}`;
    if (map.has(name)) map.get(name).push(what);
    else map.set(name, [what]);
  };
  for (const point of corners) put(points, Math.floor(point[0] / CELL), Math.floor(point[1] / CELL), point);
  for (const line of lines) {
    for (let i = 1; i < line.length; i++) {
      const segment = [line[i - 1], line[i]];
      const [[x0, y0], [x1, y1]] = segment;
      // Every half cell along it, so that none is stepped over.
      const steps = Math.ceil((2 * Math.hypot(x1 - x0, y1 - y0)) / CELL) + 1;
      let last = "";
      for (let step = 0; step <= steps; step++) {
        const [cx, cy] = [Math.floor((x0 + ((x1 - x0) * step) / steps) / CELL), Math.floor((y0 + ((y1 - y0) * step) / steps) / CELL)];
        if (`${cx} ${cy}` !== last) put(segments, cx, cy, segment);
        last = `${cx} ${cy}`;
      }
    }
  }
  return { points, segments };
}

/** The point of segment `a`-`b` nearest to `x`, `y`, where a degree of longitude counts `squash` degrees of latitude. */
export function foot([a, b], x, y, squash) {
  const [dx, dy] = [(b[0] - a[0]) * squash, b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, ((x - a[0]) * squash * dx + (y - a[1]) * dy) / length)) : 0;
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
}

/** Where the place snaps to within `reach` degrees of latitude, as [lon, lat], or null. Corners win over lines. */
export function snapTo(targets, x, y, reach) {
  const squash = Math.cos((y * Math.PI) / 180);
  const away = (point) => Math.hypot((point[0] - x) * squash, point[1] - y);
  const near = (map) => {
    const found = [];
    const wide = reach / squash;
    for (let cx = Math.floor((x - wide) / CELL); cx <= Math.floor((x + wide) / CELL); cx++) {
      for (let cy = Math.floor((y - reach) / CELL); cy <= Math.floor((y + reach) / CELL); cy++) found.push(...(map.get(`${cx} ${cy}`) ?? []));
    }
    return found;
  };
  const best = (candidates) => {
    let found = null;
    let least = reach;
    for (const point of candidates) {
      const distance = away(point);
      if (distance <= least) [found, least] = [point, distance];
    }
    return found;
  };
  return best(near(targets.points)) ?? best(near(targets.segments).map((segment) => foot(segment, x, y, squash)));
}
