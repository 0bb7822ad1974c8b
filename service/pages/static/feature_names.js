// Features and targets of the bundled tasks have names for people in both languages; others are shown as they are.

import { currentLanguage } from "./words.js";

/** @typedef {{en?: string, es?: string}} Names */

/** @type {Record<string, Record<string, Names>>} */
const FEATURES = {
  diabetes: {
    age: { es: "edad" },
    sex: { es: "sexo" },
    bmi: { en: "body mass index", es: "índice de masa corporal" },
    bp: { en: "blood pressure", es: "presión arterial" },
    s1: { en: "total cholesterol", es: "colesterol total" },
    s2: { en: "LDL cholesterol", es: "colesterol LDL" },
    s3: { en: "HDL cholesterol", es: "colesterol HDL" },
    s4: { en: "total cholesterol / HDL", es: "colesterol total / HDL" },
    s5: { en: "log of triglycerides", es: "log de triglicéridos" },
    s6: { en: "blood sugar", es: "azúcar en la sangre" },
    progression: { en: "progression after a year", es: "avance en un año" },
  },
  tacos: {
    price: { en: "price, pesos", es: "precio, pesos" },
    sales: { en: "sales in a day", es: "ventas en un día" },
  },
  wine: {
    malic_acid: { es: "ácido málico" },
    ash: { es: "ceniza" },
    alcalinity_of_ash: { es: "alcalinidad de la ceniza" },
    magnesium: { es: "magnesio" },
    total_phenols: { es: "fenoles totales" },
    flavanoids: { es: "flavonoides" },
    nonflavanoid_phenols: { es: "fenoles no flavonoides" },
    proanthocyanins: { es: "proantocianidinas" },
    color_intensity: { es: "intensidad del color" },
    hue: { es: "tono" },
    "od280/od315_of_diluted_wines": { en: "OD280/OD315", es: "OD280/OD315" },
    proline: { es: "prolina" },
  },
};

/** What is measured of a nucleus, three times: its mean, the error of that, and the worst three. @type {Record<string, string>} */
const NUCLEI_ES = {
  radius: "radio", texture: "textura", perimeter: "perímetro", area: "área", smoothness: "suavidad", compactness: "compacidad",
  concavity: "concavidad", "concave points": "puntos cóncavos", symmetry: "simetría", "fractal dimension": "dimensión fractal",
};

/** Returns what a feature, or the target, of a task is called on the page. @param {string} task @param {string} name */
export function nameFeature(task, name) {
  const language = currentLanguage();
  const nucleus = task === "breast_cancer" && language === "es" ? nameNucleus(name) : null;
  return nucleus ?? FEATURES[task]?.[name]?.[language] ?? name.replaceAll("_", " ");
}

/** @param {string} name */
function nameNucleus(name) {
  const [, first, middle, last] = /^(mean|worst)? ?(.+?) ?(error)?$/.exec(name) ?? [];
  const measured = NUCLEI_ES[middle];
  if (!measured || Boolean(first) === Boolean(last)) return null;
  return last ? `${measured}, error` : `${measured}, ${first === "mean" ? "media" : "peor"}`;
}
