// Two maps that show the same place: whoever moves one moves the other.

/** Keep `first` and `second` together; the answer ends it. */
export function together(first, second) {
  let leader = null;
  const undo = [];
  for (const [from, to] of [[first, second], [second, first]]) {
    const follow = () => {
      if (leader && leader !== from) return;
      leader = from;
      to.setView(from.getCenter(), from.getZoom(), { animate: false });
      leader = null;
    };
    // While a zoom is still moving the other map would be asked to go to and fro: it follows once the zoom has ended.
    const drag = () => !from._animatingZoom && follow();
    from.on("move", drag);
    from.on("zoomend", follow);
    undo.push(() => from.off("move", drag).off("zoomend", follow));
  }
  second.setView(first.getCenter(), first.getZoom(), { animate: false });
  return () => undo.forEach((off) => off());
}
