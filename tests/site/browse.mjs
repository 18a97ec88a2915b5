// Opens pages of the site in Chromium and searches, and prints what a test must know about it, as JSON.
//
// The standard input is JSON: the executable, the address of the site, the paths of pages by name, the screens, and
// questions for the search.

import { readFileSync } from 'node:fs'
import { axe, launch } from '../browser/chromium.mjs'

const { executable, address, pages, screens, questions } = JSON.parse(readFileSync(0, 'utf8'))

const browser = await launch(executable)

async function open(options) {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const [requests, messages] = [[], []]
  page.on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => messages.push(message.text()))
  page.on('pageerror', (error) => messages.push(error.message))
  return { context, page, requests, messages }
}

// What doesn't fit: the page itself, and what is neither on the screen nor in a box that scrolls.
function measure() {
  const root = document.documentElement
  const scrolls = (element) => /auto|scroll|hidden/.test(getComputedStyle(element).overflowX)
  const inBox = (element) => {
    for (let each = element.parentElement; each && each !== document.body; each = each.parentElement) {
      if (scrolls(each)) return true
    }
    return false
  }
  const cut = [...document.querySelectorAll('article *')]
    .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 1 && !inBox(each))
    .map((each) => each.outerHTML.slice(0, 200))
  return {
    overflow: root.scrollWidth - root.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
    cut,
  }
}

const violations = async () => {
  const found = await globalThis.axe.run(document, { resultTypes: ['violations'] })
  return found.violations
    .filter((each) => ['serious', 'critical'].includes(each.impact))
    .map((each) => `${each.id}: ${each.nodes[0].target} ${each.nodes[0].html.slice(0, 200)}`)
}

const results = {}
for (const { width, scheme } of screens) {
  const { context, page, requests, messages } = await open({ viewport: { width, height: 900 }, colorScheme: scheme })
  for (const [name, path] of Object.entries(pages)) {
    requests.length = messages.length = 0
    await page.goto(address + path, { waitUntil: 'networkidle' })
    const found = await page.evaluate(measure)
    // Only what the page itself asks for and says, and not what axe-core does.
    const own = { requests: [...requests], messages: [...messages] }
    await page.evaluate(axe)
    results[`${name}-${width}-${scheme}`] = { ...own, ...found, violations: await page.evaluate(violations) }
  }
  await context.close()
}

const { page, requests, messages } = await open({ viewport: { width: 1280, height: 900 } })
await page.goto(address)
await page.locator('.md-search__button').click()
const search = {}
const found = page.locator('dialog [role=option]')
for (const question of questions) {
  // The results of the last question stay until those of the next one are there, and already have its words in their
  // addresses.
  await page.locator('dialog input').fill('')
  await found.first().waitFor({ state: 'detached' })
  await page.locator('dialog input').fill(question)
  for (let waited = 0; waited < 20000; waited += 50) {
    const addresses = (await found.evaluateAll((links) => links.map((each) => each.href))).slice(0, 10)
    if (addresses.length && addresses.every((each) => new URL(each).searchParams.get('h') === question)) {
      search[question] = addresses
      break
    }
    await page.waitForTimeout(50)
  }
  search[question] ??= []
}
await browser.close()
console.log(JSON.stringify({ pages: results, search, requestsOfSearch: requests, messagesOfSearch: messages }))
