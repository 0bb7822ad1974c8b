// k-means, one half step at a time: each point goes to its nearest centre, then each centre to the middle of its points.

/** @param {number[]} a @param {number[]} b */
const square = (a, b) => a.reduce((sum, value, index) => sum + (value - b[index]) ** 2, 0);

/** Returns for each point the number of its nearest centre. @param {number[][]} points @param {number[][]} centres */
export function assign(points, centres) {
  return points.map((point) => {
    const far = centres.map((centre) => square(point, centre));
    return far.indexOf(Math.min(...far));
  });
}

/** Returns the middle of each group; a group of none stays. @param {number[][]} points @param {number[]} groups @param {number[][]} centres */
export function moveCentres(points, groups, centres) {
  return centres.map((centre, group) => {
    const own = points.filter((_, index) => groups[index] === group);
    return own.length ? centre.map((_, axis) => own.reduce((sum, point) => sum + point[axis], 0) / own.length) : centre;
  });
}

/** Returns the sum of squared distances to the centres. @param {number[][]} points @param {number[]} groups @param {number[][]} centres */
export function measureInertia(points, groups, centres) {
  return points.reduce((sum, point, index) => sum + square(point, centres[groups[index]]), 0);
}
