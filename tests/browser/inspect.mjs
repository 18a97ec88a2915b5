// Opens pages in Chromium, and prints what a test must know about each of them, as JSON.
//
// The argument is JSON: the executable, and for each page its file and how to open it.

import { pathToFileURL } from 'node:url'
import { axe, launch } from './chromium.mjs'

const { executable, pages } = JSON.parse(process.argv[2])

const browser = await launch(executable)

// What doesn't fit: the page itself, and texts that are wider than their boxes in drawings.
function measure() {
  const root = document.documentElement
  const shown = [...document.querySelectorAll('svg.drawing')].filter((svg) => svg.getClientRects().length > 0)
  const overflowing = shown.flatMap((svg) =>
    [...svg.querySelectorAll('.title, .note, .count')]
      .filter((text) => {
        const box = text.parentElement.querySelector('.box')
        if (!box) return false
        const [inner, outer] = [text.getBBox(), box.getBBox()]
        return inner.x < outer.x || inner.x + inner.width > outer.x + outer.width
      })
      .map((text) => text.textContent),
  )
  const sizes = shown.flatMap((svg) => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
    return [...svg.querySelectorAll('text')].map((text) => parseFloat(getComputedStyle(text).fontSize) * scale)
  })
  const cut = [...document.querySelectorAll('main *')]
    .filter((each) => !each.closest('.canvas, .contents') && each.getBoundingClientRect().right > root.clientWidth + 1)
    .map((each) => each.outerHTML.slice(0, 200))
  return {
    overflow: root.scrollWidth - root.clientWidth,
    overflowing,
    smallest: sizes.length ? Math.min(...sizes) : null,
    drawings: shown.length,
    background: getComputedStyle(document.body).backgroundColor,
    cut,
  }
}

const violations = async () => {
  const found = await globalThis.axe.run(document, { resultTypes: ['violations'] })
  return found.violations.map((each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`)
}

const results = []
const page = await (await browser.newContext()).newPage()
const [requests, messages] = [[], []]
page.on('request', (request) => requests.push(request.url()))
page.on('console', (message) => messages.push(message.text()))
page.on('pageerror', (error) => messages.push(error.message))
for (const { file, variants } of pages) {
  requests.length = messages.length = 0
  await page.goto(pathToFileURL(file).href)
  const found = []
  for (const { width, scheme, media } of variants) {
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ media, colorScheme: scheme })
    const sheets = media === 'print' ? (await page.pdf({ format: 'A4' })).toString('latin1').match(/\/Type\s*\/Page\b/g) : []
    found.push({ pages: sheets.length, ...(await page.evaluate(measure)) })
  }
  // Only what the page itself asks for and says, and not what axe-core does.
  const own = { requests: requests.slice(1), messages: [...messages] }
  await page.evaluate(axe)
  for (const [index, { width, scheme, media }] of variants.entries()) {
    if (media !== 'screen') continue
    await page.setViewportSize({ width, height: 900 })
    await page.emulateMedia({ media, colorScheme: scheme })
    found[index].violations = await page.evaluate(violations)
  }
  results.push({ ...own, variants: found })
}
await browser.close()
console.log(JSON.stringify(results))
