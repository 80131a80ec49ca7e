" Gatewright policies: two spaces for every bracket that a line leaves open.
if exists('b:did_indent')
  finish
endif
let b:did_indent = 1

setlocal indentexpr=GateIndent(v:lnum)
setlocal indentkeys=0},0],0),!^F,o,O
let b:undo_indent = 'setlocal indentexpr< indentkeys<'

if exists('*GateIndent')
  finish
endif

" A line without its strings and its comment.
function! s:Code(number) abort
  return substitute(substitute(getline(a:number), '"\%([^"\\]\|\\.\)*"', '', 'g'), '\%(^\|\s\)#.*$', '', '')
endfunction

function! GateIndent(number) abort
  let before = prevnonblank(a:number - 1)
  if before == 0
    return 0
  endif
  let indent = indent(before)
  if s:Code(before) =~# '[{\[(]\s*$'
    let indent += shiftwidth()
  endif
  if getline(a:number) =~# '^\s*[}\])]'
    let indent -= shiftwidth()
  endif
  return indent
endfunction
