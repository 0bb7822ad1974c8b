// A decision tree of two classes by Gini's impurity, and a forest of trees on rows drawn with replacement.

/** @typedef {{share: number, n: number, feature?: number, limit?: number, low?: Node, high?: Node}} Node */

/** @param {number} share */
const gini = (share) => 2 * share * (1 - share);

/**
 * @param {number[][]} rows @param {number[]} labels
 * @param {{maxDepth: number, random?: () => number}} options With chance, each split looks at one feature.
 * @returns {Node}
 */
export function growTree(rows, labels, { maxDepth, random }) {
  const share = labels.reduce((sum, label) => sum + label, 0) / labels.length;
  /** @type {Node} */
  const node = { share, n: rows.length };
  if (maxDepth === 0 || share === 0 || share === 1) return node;
  const all = rows[0].map((_, column) => column);
  const features = random ? [Math.floor(random() * all.length)] : all;
  const best = findSplit(rows, labels, features) ?? (random ? findSplit(rows, labels, all) : null);
  if (!best) return node;

  const isLow = rows.map((row) => row[best.feature] <= best.limit);
  const grow = (/** @type {boolean} */ side) => growTree(rows.filter((_, index) => isLow[index] === side),
    labels.filter((_, index) => isLow[index] === side), { maxDepth: maxDepth - 1, random });
  return { ...node, feature: best.feature, limit: best.limit, low: grow(true), high: grow(false) };
}

/** @param {number[][]} rows @param {number[]} labels @param {number[]} features */
function findSplit(rows, labels, features) {
  const total = labels.reduce((sum, label) => sum + label, 0);
  let best = null;
  let least = gini(total / rows.length) - 1e-12;
  for (const feature of features) {
    const order = rows.map((_, index) => index).sort((a, b) => rows[a][feature] - rows[b][feature]);
    let ones = 0;
    for (let n = 1; n < order.length; n++) {
      ones += labels[order[n - 1]];
      const [before, after] = [rows[order[n - 1]][feature], rows[order[n]][feature]];
      if (before === after) continue;
      const impurity = (n * gini(ones / n) + (order.length - n) * gini((total - ones) / (order.length - n))) / order.length;
      if (impurity < least) {
        least = impurity;
        best = { feature, limit: (before + after) / 2 };
      }
    }
  }
  return best;
}

/** Returns the nodes that a row passes, the leaf last. @param {Node} tree @param {number[]} row */
export function findPath(tree, row) {
  const path = [tree];
  for (let node = tree; node.low && node.high; path.push(node)) {
    node = row[/** @type {number} */ (node.feature)] <= /** @type {number} */ (node.limit) ? node.low : node.high;
  }
  return path;
}

/** @param {number[][]} rows @param {number[]} labels @param {number} n @param {number} maxDepth @param {() => number} random */
export function growForest(rows, labels, n, maxDepth, random) {
  return Array.from({ length: n }, () => {
    const drawn = rows.map(() => Math.floor(random() * rows.length));
    return growTree(drawn.map((index) => rows[index]), drawn.map((index) => labels[index]), { maxDepth, random });
  });
}

/** @param {Node} tree @returns {number} */
export function countLeaves(tree) {
  return tree.low && tree.high ? countLeaves(tree.low) + countLeaves(tree.high) : 1;
}
