// Every word of the page in its two languages. A word that takes values is a function of them.

import { readState, writeState } from "./state.js";

const MAX_MORE_DIGITS = 8;

/** @typedef {"en" | "es"} Language */

export const LANGUAGES = { en: "English", es: "Español" };
const KEPT = "veredicto.language";

/** @param {number} n @param {string} one @param {string} many */
export const count = (n, one, many) => `${n} ${n === 1 ? one : many}`;
/** @param {string} text */
const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);
/** @param {string[]} names @param {string} and */
export const join = (names, and) => names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${and} ${names.at(-1)}`;

const WORDS = {
  en: {
    title: "One input, every classifier, one verdict.",
    skip: "Skip to the bench",
    ready: (/** @type {number} */ n) => count(n, "model ready", "models ready"),
    tasks: "Tasks",
    leadDrawing: (/** @type {number} */ n) => n === 1 ? "Draw a digit. The model answers as you draw." : `Draw a digit. ${n} models answer as you draw; where they disagree, look closer.`,
    leadRows: (/** @type {number} */ n) => n === 1 ? "Move a value. The model answers as you move it." : `Move a value. ${n} models answer as you move it; where they disagree, look closer.`,
    leadPlane: (/** @type {number} */ n) => `Click in the plane. ${count(n, "model answers", "models answer")}; each map shows where a model changes its mind.`,
    leadPhotographs: (/** @type {number} */ n) => n === 1 ? "Drop or paste a photograph. The model answers; then look at what it looked at." : `Drop or paste a photograph. ${n} models answer; then look at what they looked at.`,
    leadGenerate: "None of these was ever drawn by a hand: the model makes them up from noise.",
    clear: "Clear",
    undo: "Undo",
    hardOne: "A hard one",
    anyOne: "Another",
    canvas: "Draw here. With the keyboard: arrows move the pen, Space puts it down or lifts it.",
    seen: (/** @type {string} */ size) => `What the models see, ${size}`,
    empty: "Nothing is drawn yet.",
    all: (/** @type {string} */ label, /** @type {number} */ n) => n === 1 ? [label, "."] : [label, `, say all ${n}.`],
    some: (/** @type {string} */ label, /** @type {number} */ n, /** @type {number} */ of) => [label, `, say ${n} of ${of}.`],
    others: (/** @type {[string, number][]} */ others) => `${capital(join(others.map(([label, n]) => n === 1 ? `one says ${label}` : `${n} say ${label}`), "and"))}.`,
    vote: "votes",
    voteTitle: "This model votes for a class and gives no probabilities",
    dissents: "differs from the consensus",
    answered: (/** @type {string} */ ms) => `${ms} ms`,
    answeredTitle: "From your input to the answer of all models",
    guess: "No model learnt from this one. Your verdict?",
    truth: (/** @type {string} */ label) => `The truth: ${label}. `,
    youRight: "You were right. ",
    youWrong: "You were wrong. ",
    modelsRight: (/** @type {number} */ n, /** @type {number} */ of) => `${n} of ${count(of, "model", "models")} ${n === 1 ? "is" : "are"} right.`,
    right: "right",
    trust: "Which to trust?",
    leads: (/** @type {string[]} */ names, /** @type {string} */ rows, /** @type {string} */ figure) =>
      `On ${rows} held-out rows ${join(names, "and")} ${names.length > 1 ? "are level in front" : "is right most often"}: ${figure}. `,
    asBestOf: (/** @type {number} */ n) => `as the best of ${n}`,
    alone: (/** @type {string} */ name, /** @type {string} */ rows, /** @type {string} */ figure) => `${name} is right on ${figure} of ${rows} held-out rows; there is no other to compare it with.`,
    better: (/** @type {string[]} */ names, /** @type {string | null} */ name) => `${name ?? "It"} is shown to be better than ${join(names, "and")}`,
    butNot: (/** @type {string[]} */ names) => `, but not than ${join(names, "or")}.`,
    noneBetter: (/** @type {string[]} */ names, /** @type {string | null} */ name) => `${name ?? "It"} is not shown to be better than ${join(names, "or")}.`,
    why: "Why",
    trustMore: "Pairs, costs, your own data",
    intervals: "Accuracy on held-out rows, with 95 % intervals",
    mayBeBest: "may be the best",
    noVerdict: "Nobody can say yet.",
    serverSays: "The server says: ",
    call: "Call it",
    copy: "Copy",
    copied: "Copied",
    selected: "Selected",
    program: (/** @type {string} */ language) => `The same in ${language}`,
    features: "Values",
    beyond: (/** @type {string} */ low, /** @type {string} */ high) => `beyond ${low} to ${high}, all it has learnt from`,
    range: (/** @type {string} */ low, /** @type {string} */ high) => `${low} to ${high}`,
    reset: "Example",
    pasteRow: "Or paste a row of your table.",
    farOff: (/** @type {number} */ n) => `${count(n, "value is", "values are")} beyond what the models have learnt from: no verdict here is to be relied on.`,
    notNumber: (/** @type {string} */ name) => `${name} needs a number.`,
    notDate: (/** @type {string} */ name) => `${name} needs a date.`,
    missing: "missing",
    adds: "What each value adds",
    addsModel: "Model",
    addsUnit: (/** @type {string} */ unit, /** @type {string | null} */ label) => label === null ? unit : `${unit} of “${label}”`,
    addsTold: (/** @type {string} */ what, /** @type {string} */ base, /** @type {string} */ total) => `From ${base} for usual rows to ${total} for this one: ${what}.`,
    addsSampled: "Sampled: ± is one standard error.",
    flips: (/** @type {string} */ value, /** @type {string} */ label) => `at ${value}: ${label}`,
    value: "value",
    cluster: (/** @type {string} */ n) => `group ${n}`,
    predicted: (/** @type {string} */ target, /** @type {string} */ low, /** @type {string} */ high) => low === high ? `${target}: ${low}` : `${target}: ${low} to ${high}`,
    drop: "Drop a photograph here, or paste one",
    choose: "Choose a file",
    camera: "Camera",
    shoot: "Take the picture",
    noCamera: "The camera cannot be used: the browser or you did not allow it.",
    notImage: "That is no image file: JPEG, PNG, WebP, BMP and GIF are read.",
    photograph: "Your photograph",
    noPhotograph: "No photograph yet.",
    lookInside: "Look inside",
    looksAt: (/** @type {string} */ name, /** @type {string} */ label) => `Where ${name} looks: warm colours speak for “${label}”.`,
    plainly: "The photograph",
    speaksFor: "For which class",
    layersTitle: "Layer by layer",
    layersLead: "Each square is a channel: bright where it finds what it looks for. Open one to see it over the photograph.",
    layerTitle: (/** @type {string} */ name, /** @type {string} */ channels, /** @type {string} */ size) => `Layer ${name}: ${channels} channels of ${size}`,
    firstChannels: (/** @type {number} */ n) => `, the first ${n}`,
    channel: (/** @type {string} */ n, /** @type {string} */ layer) => `Channel ${n} of layer ${layer}`,
    channelSeen: (/** @type {string} */ n, /** @type {string} */ layer) => `Channel ${n} of layer ${layer}: orange where it finds what it looks for, in the middle square that the network takes.`,
    examples: "Examples",
    heldOutOne: "A held-out photograph",
    noneIsRight: (/** @type {string} */ name) => `${name}: none of these models has a class that is right.`,
    noneOfThese: (/** @type {string} */ classes) => `They only know ${classes}: whatever else it is, they will name one of these.`,
    knownFaces: (/** @type {string} */ names, /** @type {string} */ unknown) => `It knows ${names}; whoever else it is, it says “${unknown}”.`,
    planeTitle: "The plane of both values; click to place the point, or move it with the arrow keys",
    mapOf: (/** @type {string} */ name) => `Map of ${name}`,
    another: "Others",
    seed: "Seed",
    generated: (/** @type {number} */ n, /** @type {string} */ name) => `${n} images made up by ${name}`,
    made: (/** @type {string} */ name) => `Made up by ${name}`,
    measured: "Measured",
    metric: "metric",
    heldOut: "held out",
    interval: "95 % interval",
    learntRows: "learnt from",
    madeFrom: "Made from",
    dataSet: "data set",
    rows: "rows",
    classes: "classes",
    licence: "licence",
    runs: "Served",
    file: "file",
    version: "version",
    runsOn: "runs on",
    again: "Make it again",
    wholeCard: "The whole card, as JSON",
    models: "All models",
    modelsLead: "Each is one file, and its card is a page.",
    noCard: "Without a card",
    noCardLead: "Served by what their graphs say, by the Open Inference Protocol alone. A card brings them the rest.",
    graphLead: "This file has no card: what is known of it is what its graph says.",
    takes: "Takes",
    answers: "Answers",
    tensor: "tensor",
    datatype: "type",
    shape: "shape",
    anyLength: "any",
    tryIt: "Try it",
    tryItLead: "Values in the order of the shape; a length that is free is 1 here, and may be another.",
    tensors: "The tensors, as JSON",
    run: "Run",
    notJson: "This is not JSON yet: a comma, a bracket or a quotation mark is missing, or one too many.",
    giveCard: "Give it a card",
    giveCardLead: "With labelled rows that it has not learnt from, a CSV with a column for each feature and one of the truth, it gets a card: its task, its classes and what it is worth. Then it has its bench here, is compared with others, and names its classes.",
    withTraining: "The command comes with the installation for training.",
    refused: "Files that are not served",
    nothing: "No model is served yet. Train one, or name a folder that has some:",
    nothingHere: "No model here can be tried on this page.",
    loading: "Loading…",
    unreachable: "The server does not answer. Trying again…",
    back: "The server answers again.",
    renewed: "This page is of an older version than the server: load it again.",
    noSentence: (/** @type {number} */ status) => `The server answered ${status}, and not as this page expects.`,
    unknownTask: (/** @type {string} */ task) => `No task “${task}” is served here.`,
  },
  es: {
    title: "Una entrada, todos los clasificadores, un veredicto.",
    skip: "Saltar al banco de pruebas",
    ready: (/** @type {number} */ n) => count(n, "modelo listo", "modelos listos"),
    tasks: "Tareas",
    leadDrawing: (/** @type {number} */ n) => n === 1 ? "Dibuja un dígito. El modelo responde mientras dibujas." : `Dibuja un dígito. ${n} modelos responden mientras dibujas; donde no coinciden, mira con atención.`,
    leadRows: (/** @type {number} */ n) => n === 1 ? "Mueve un valor. El modelo responde mientras lo mueves." : `Mueve un valor. ${n} modelos responden mientras lo mueves; donde no coinciden, mira con atención.`,
    leadPlane: (/** @type {number} */ n) => `Haz clic en el plano. ${count(n, "modelo responde", "modelos responden")}; cada mapa muestra dónde cambia de opinión.`,
    leadPhotographs: (/** @type {number} */ n) => n === 1 ? "Suelta o pega una fotografía. El modelo responde; después mira en qué se fijó." : `Suelta o pega una fotografía. ${n} modelos responden; después mira en qué se fijaron.`,
    leadGenerate: "Ninguno de estos lo dibujó una mano: el modelo los inventa a partir de ruido.",
    clear: "Borrar",
    undo: "Deshacer",
    hardOne: "Uno difícil",
    anyOne: "Otro",
    canvas: "Dibuja aquí. Con el teclado: las flechas mueven el lápiz, la barra espaciadora lo baja o lo levanta.",
    seen: (/** @type {string} */ size) => `Lo que ven los modelos, ${size}`,
    empty: "Todavía no hay nada dibujado.",
    all: (/** @type {string} */ label, /** @type {number} */ n) => n === 1 ? [label, "."] : [label, `, dicen los ${n}.`],
    some: (/** @type {string} */ label, /** @type {number} */ n, /** @type {number} */ of) => [label, `, ${n === 1 ? "dice" : "dicen"} ${n} de ${of}.`],
    others: (/** @type {[string, number][]} */ others) => `${capital(join(others.map(([label, n]) => n === 1 ? `uno dice ${label}` : `${n} dicen ${label}`), "y"))}.`,
    vote: "vota",
    voteTitle: "Este modelo vota por una clase y no da probabilidades",
    dissents: "difiere del consenso",
    answered: (/** @type {string} */ ms) => `${ms} ms`,
    answeredTitle: "Desde tu entrada hasta la respuesta de todos los modelos",
    guess: "Ningún modelo aprendió de este. ¿Tu veredicto?",
    truth: (/** @type {string} */ label) => `La verdad: ${label}. `,
    youRight: "Acertaste. ",
    youWrong: "Te equivocaste. ",
    modelsRight: (/** @type {number} */ n, /** @type {number} */ of) => `${n === 1 ? "Acierta" : "Aciertan"} ${n} de ${count(of, "modelo", "modelos")}.`,
    right: "acierta",
    trust: "¿En cuál confiar?",
    leads: (/** @type {string[]} */ names, /** @type {string} */ rows, /** @type {string} */ figure) =>
      `En ${rows} casos reservados, ${join(names, "y")} ${names.length > 1 ? "van parejos adelante" : "acierta más veces"}: ${figure}. `,
    asBestOf: (/** @type {number} */ n) => `como el mejor de ${n}`,
    alone: (/** @type {string} */ name, /** @type {string} */ rows, /** @type {string} */ figure) => `${name} acierta el ${figure} de ${rows} casos reservados; no hay otro con el cual compararlo.`,
    better: (/** @type {string[]} */ names, /** @type {string | null} */ name) => `Está demostrado que ${name === null ? "" : `${name} `}es mejor que ${join(names, "y")}`,
    butNot: (/** @type {string[]} */ names) => `, pero no que ${join(names, "o")}.`,
    noneBetter: (/** @type {string[]} */ names, /** @type {string | null} */ name) => `No está demostrado que ${name === null ? "" : `${name} `}sea mejor que ${join(names, "o")}.`,
    why: "Por qué",
    trustMore: "Pares, costos, tus propios datos",
    intervals: "Exactitud en casos reservados, con intervalos del 95 %",
    mayBeBest: "puede ser el mejor",
    noVerdict: "Nadie puede decirlo todavía.",
    serverSays: "El servidor dice: ",
    call: "Llámalo",
    copy: "Copiar",
    copied: "Copiado",
    selected: "Seleccionado",
    program: (/** @type {string} */ language) => `Lo mismo en ${language}`,
    features: "Valores",
    beyond: (/** @type {string} */ low, /** @type {string} */ high) => `fuera de ${low} a ${high}, lo único que aprendió`,
    range: (/** @type {string} */ low, /** @type {string} */ high) => `${low} a ${high}`,
    reset: "Ejemplo",
    pasteRow: "O pega una fila de tu tabla.",
    farOff: (/** @type {number} */ n) => `${count(n, "valor está", "valores están")} fuera de lo que los modelos aprendieron: ningún veredicto aquí es de fiar.`,
    notNumber: (/** @type {string} */ name) => `${name} necesita un número.`,
    notDate: (/** @type {string} */ name) => `${name} necesita una fecha.`,
    missing: "falta",
    adds: "Qué aporta cada valor",
    addsModel: "Modelo",
    addsUnit: (/** @type {string} */ unit, /** @type {string | null} */ label) => {
      const name = /** @type {Record<string, string>} */ ({ value: "valor", probability: "probabilidad", "probability before calibration": "probabilidad antes de calibrar", "log odds": "logaritmo de las probabilidades a favor", score: "puntaje" })[unit] ?? unit;
      return label === null ? name : `${name} de «${label}»`;
    },
    addsTold: (/** @type {string} */ what, /** @type {string} */ base, /** @type {string} */ total) => `De ${base} en filas usuales a ${total} en esta: ${what}.`,
    addsSampled: "Por muestreo: ± es un error estándar.",
    flips: (/** @type {string} */ value, /** @type {string} */ label) => `en ${value}: ${label}`,
    value: "valor",
    cluster: (/** @type {string} */ n) => `grupo ${n}`,
    predicted: (/** @type {string} */ target, /** @type {string} */ low, /** @type {string} */ high) => low === high ? `${target}: ${low}` : `${target}: ${low} a ${high}`,
    drop: "Suelta aquí una fotografía, o pégala",
    choose: "Elegir un archivo",
    camera: "Cámara",
    shoot: "Tomar la foto",
    noCamera: "No se puede usar la cámara: el navegador o tú no lo permitieron.",
    notImage: "Eso no es un archivo de imagen: se leen JPEG, PNG, WebP, BMP y GIF.",
    photograph: "Tu fotografía",
    noPhotograph: "Todavía no hay fotografía.",
    lookInside: "Mirar adentro",
    looksAt: (/** @type {string} */ name, /** @type {string} */ label) => `Dónde mira ${name}: los colores cálidos hablan a favor de «${label}».`,
    plainly: "La fotografía",
    speaksFor: "A favor de qué clase",
    layersTitle: "Capa por capa",
    layersLead: "Cada cuadro es un canal: claro donde encuentra lo que busca. Abre uno para verlo sobre la fotografía.",
    layerTitle: (/** @type {string} */ name, /** @type {string} */ channels, /** @type {string} */ size) => `Capa ${name}: ${channels} canales de ${size}`,
    firstChannels: (/** @type {number} */ n) => `, los primeros ${n}`,
    channel: (/** @type {string} */ n, /** @type {string} */ layer) => `Canal ${n} de la capa ${layer}`,
    channelSeen: (/** @type {string} */ n, /** @type {string} */ layer) => `Canal ${n} de la capa ${layer}: naranja donde encuentra lo que busca, en el cuadrado central que toma la red.`,
    examples: "Ejemplos",
    heldOutOne: "Una fotografía reservada",
    noneIsRight: (/** @type {string} */ name) => `${name}: ninguno de estos modelos tiene una clase que acierte.`,
    noneOfThese: (/** @type {string} */ classes) => `Solo conocen ${classes}: sea lo que sea, nombrarán una de estas clases.`,
    knownFaces: (/** @type {string} */ names, /** @type {string} */ unknown) => `Conoce a ${names}; de cualquier otro dice «${unknown}».`,
    planeTitle: "El plano de ambos valores; haz clic para poner el punto, o muévelo con las flechas",
    mapOf: (/** @type {string} */ name) => `Mapa de ${name}`,
    another: "Otros",
    seed: "Semilla",
    generated: (/** @type {number} */ n, /** @type {string} */ name) => `${n} imágenes inventadas por ${name}`,
    made: (/** @type {string} */ name) => `Inventados por ${name}`,
    measured: "Medido",
    metric: "métrica",
    heldOut: "reservados",
    interval: "intervalo 95 %",
    learntRows: "aprendidos",
    madeFrom: "Hecho con",
    dataSet: "datos",
    rows: "casos",
    classes: "clases",
    licence: "licencia",
    runs: "Servido",
    file: "archivo",
    version: "versión",
    runsOn: "corre en",
    again: "Hacerlo de nuevo",
    wholeCard: "La ficha completa, en JSON",
    models: "Todos los modelos",
    modelsLead: "Cada uno es un archivo, y su ficha es una página.",
    noCard: "Sin ficha",
    noCardLead: "Se sirven por lo que dicen sus grafos, solo con el Open Inference Protocol. Una ficha les da lo demás.",
    graphLead: "Este archivo no tiene ficha: de él se sabe lo que dice su grafo.",
    takes: "Recibe",
    answers: "Responde",
    tensor: "tensor",
    datatype: "tipo",
    shape: "forma",
    anyLength: "libre",
    tryIt: "Pruébalo",
    tryItLead: "Valores en el orden de la forma; una longitud libre es 1 aquí, y puede ser otra.",
    tensors: "Los tensores, en JSON",
    run: "Ejecutar",
    notJson: "Esto todavía no es JSON: falta o sobra una coma, un corchete o una comilla.",
    giveCard: "Dale una ficha",
    giveCardLead: "Con filas etiquetadas de las que no aprendió, un CSV con una columna por característica y una con la verdad, obtiene una ficha: su tarea, sus clases y cuánto vale. Entonces tiene aquí su banco de pruebas, se compara con otros y nombra sus clases.",
    withTraining: "El comando viene con la instalación para entrenar.",
    refused: "Archivos que no se sirven",
    nothing: "Todavía no se sirve ningún modelo. Entrena uno, o nombra una carpeta que los tenga:",
    nothingHere: "Ningún modelo de aquí se puede probar en esta página.",
    loading: "Cargando…",
    unreachable: "El servidor no responde. Intentando de nuevo…",
    back: "El servidor responde otra vez.",
    renewed: "Esta página es de una versión anterior a la del servidor: cárgala de nuevo.",
    noSentence: (/** @type {number} */ status) => `El servidor respondió ${status}, y no como espera esta página.`,
    unknownTask: (/** @type {string} */ task) => `Aquí no se sirve ninguna tarea «${task}».`,
  },
};

/** @typedef {keyof typeof WORDS.en} Word */

/** @type {Language} */
let language = "en";

/** Takes the language of the address, of the last visit, or of the browser. */
export function findLanguage() {
  const wishes = [readState().get("lang"), recall(), ...navigator.languages.map((each) => each.slice(0, 2))];
  const known = wishes.find((each) => each !== null && each in LANGUAGES);
  language = /** @type {Language} */ (known ?? "en");
  document.documentElement.lang = language;
}

/** Takes the language that a page is in by its address. @param {Language} wish */
export function useLanguage(wish) {
  language = wish;
  document.documentElement.lang = wish;
}

/** @param {Language} wish */
export function changeLanguage(wish) {
  try {
    localStorage.setItem(KEPT, wish);
  } catch {
    // A browser that keeps nothing has the language in the address.
  }
  writeState({ lang: wish });
  findLanguage();
}

/** @returns {Language} */
export function currentLanguage() {
  return language;
}

function recall() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

/**
 * Returns a text of the page in its language.
 * @param {Word} word
 * @param {...any} values
 * @returns {any}
 */
export function say(word, ...values) {
  const found = WORDS[language][word];
  return typeof found === "function" ? /** @type {any} */ (found)(...values) : found;
}

/**
 * Returns what says a text of another dictionary, as `say` does of the page's own.
 * @template {Record<string, any>} T
 * @param {{en: T, es: T}} dictionary
 * @returns {(word: keyof T & string, ...values: any[]) => any}
 */
export function speakFrom(dictionary) {
  return (word, ...values) => {
    const found = dictionary[language][word];
    return typeof found === "function" ? found(...values) : found;
  };
}

/**
 * Returns a share as a percentage, never 100 where it is less.
 * @param {number} share
 */
export function percent(share) {
  if (share > 0 && share < 0.0005) return "<\u00a00.1\u00a0%";
  if (share < 1 && share >= 0.9995) return ">\u00a099.9\u00a0%";
  return `${number(100 * share, { maximumFractionDigits: 1, minimumFractionDigits: 1 })}\u00a0%`;
}

/** Returns a day as the language writes it. @param {number} days since 1970 */
export function writeDay(days) {
  const options = /** @type {Intl.DateTimeFormatOptions} */ ({ dateStyle: "medium", timeZone: "UTC" });
  return new Intl.DateTimeFormat(language === "es" ? "es-MX" : "en", options).format(days * 86_400_000);
}

/**
 * Returns numbers with as many digits as it takes to tell the last two apart, the ends of an interval; none has no width.
 * @param {number[]} values
 * @param {number} digits at least
 * @param {(value: number, digits: number) => string} write
 */
export function writeApart(values, digits, write) {
  let written = values.map((each) => write(each, digits));
  for (let more = digits + 1; written.at(-1) === written.at(-2) && more <= digits + MAX_MORE_DIGITS; more += 1) {
    written = values.map((each) => write(each, more));
  }
  return written;
}

/** Returns a share as a number of hundredths. @param {number} share @param {number} digits */
export function hundredths(share, digits) {
  return number(100 * share, { maximumFractionDigits: digits, minimumFractionDigits: digits });
}

/**
 * Returns a value of a row: a number without a mark between thousands, since it may be a year, or a name as it is.
 * @param {number | string} value
 */
export function writeValue(value) {
  return typeof value === "number" ? number(value, { maximumSignificantDigits: 6, useGrouping: false }) : value;
}

/**
 * Returns a number as the language writes it.
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function number(value, options = { maximumSignificantDigits: 4 }) {
  return new Intl.NumberFormat(language === "es" ? "es-MX" : "en", options).format(value);
}
