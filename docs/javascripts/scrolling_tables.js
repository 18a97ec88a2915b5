// Tables that are wider than the page scroll. Who has no mouse must reach them with the keyboard:
// https://dequeuniversity.com/rules/axe/4.10/scrollable-region-focusable
function makeFocusable() {
  for (const box of document.querySelectorAll('.md-typeset__scrollwrap')) {
    if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0
      box.setAttribute('role', 'group')
      box.setAttribute('aria-label', 'Table')
    } else {
      box.removeAttribute('tabindex')
      box.removeAttribute('role')
      box.removeAttribute('aria-label')
    }
  }
}

window.addEventListener('load', makeFocusable)
window.addEventListener('resize', makeFocusable)
