" Gatewright policies. The word lists of gate.vim are those of the language's schema: see editor/README.md.
if exists('b:current_syntax')
  finish
endif

syn case match
syn iskeyword @,48-57,_,-
syn sync minlines=200

" Words. A word's place decides what it is, so every list is contained: of matches that begin at one place the last defined wins.
syn keyword gateStatement contained
  \ add add_prefix address admin advance aggregate algorithm algorithms allow as attempt attempts attributes
  \ audience auth auths backoff backup balance body breaker budget burst by ca cache cert certificate choice
  \ claims client_ca client_id client_secret compress concurrency condition connect connections cooldown copy
  \ cors count counting credentials date default deny deprecated drain drop edition eject else encoded_slashes
  \ envelope error events every expect expose failures fallback field fields file flag for format forward from
  \ gate gateway given group header_bytes header_timeout headers health healthy_after hook host hosts how http2
  \ id idempotency_key idle if_missing import invalidate invariant issue issuer its_secret jitter json jwks
  \ keep key keys kind kinds least leeway let limit limits link list listen log maintenance match max max_age
  \ method methods min min_version mirror mode moments most name name_or_secret names networks new number of
  \ old on on_failure open_after open_when openapi optional origins param part path permissions pick places
  \ policy prefix priority probes proxy_protocol public public_key query queue rate ratelimit_headers read
  \ redact redirect refresh remove rename repeat request request_id require resolve respond response resumption
  \ retry rewrite route routes sample schema scheme secret security_headers server_name set share shared size
  \ source split stale state status statuses sticky store strip_prefix stub styles sunset target test text time
  \ timeout times tls to total trace trust ttl type under unhealthy_after unless upstream url use users value
  \ version weight what when why window with within workers
syn keyword gateMode contained
  \ drop override
syn keyword gateClause contained
  \ access add after algorithm algorithms as attempt attempts attributes audience auth backoff backup body
  \ breaker budget burst by ca cache cert certificate claims client_ca client_id client_secret concurrent
  \ connect connections cookie cooldown copy counting credential credentials default dns drop else
  \ encoded_slashes envelope error every expect expose fails failures field flag for forward from header
  \ header_bytes header_timeout headers healthy_after hook host idempotency_key idle if_missing implied
  \ invalidate issuer jitter json jwks keep key keys leeway limit limited link max max_age methods min
  \ min_version mode of on on_failure only open_after open_when optional origins otlp part path pick post
  \ probes proxy_protocol public public_key query queue read received redact redirect refresh refuses remove
  \ rename replies respond resumption route sample schema server_name set shared since split stage stale status
  \ sticky store sunset text timeout times tls total ttl under unhealthy_after unless upstream url user users
  \ weight when window with within
syn keyword gateChoice contained
  \ all allow any basic closed continue embedded ewma exponential fixed_window forwarded full hash health html
  \ http https introspect jwt least_connections local none off open openapi random redis refuse reject required
  \ round_robin routes sliding_log sliding_window tls1_2 tls1_3 token_bucket two_choices x-forwarded-for
syn keyword gateConstant contained true false none
syn match gateWord /\h\%(\w\|-\+\w\@=\)*/ contains=gateClause,gateChoice,gateConstant
syn match gateMethod /\<\%(ANY\|GET\|HEAD\|POST\|PUT\|PATCH\|DELETE\|OPTIONS\|CONNECT\|TRACE\)\>/
syn match gateMethod /\<[A-Z][A-Z-]*\%(\%(,\s*[A-Z][A-Z-]*\)*\s\+\%(\/\|re"\)\)\@=/
syn match gateName /\%(\%(^\|[{;]\)\s*\%(as\|field\|flag\|group\|hook\|let\|limit\|param\|part\|policy\|route\|store\|upstream\)\s\+\)\@<=\h\%(\w\|-\+\w\@=\)*/
syn match gateName /\%(\s\%(as\|field\|part\)\s\+\)\@<=\h\%(\w\|-\+\w\@=\)*/
syn match gateName /\%(\%(^\|[{;]\)\s*auth\s\+\%(basic\|forward\|introspect\|jwt\|key\)\s\+\)\@<=\h\%(\w\|-\+\w\@=\)*/
syn match gateName /\%(->\s\+\)\@<=\h\%(\w\|-\+\w\@=\|\.\)*/
syn match gateRow /\%(\%(^\|[{;]\)\s*\%(\%(drop\|override\)\s\+\)\?\)\@<=\h\%(\w\|-\+\w\@=\)*/ contains=gateStatement,gateMode
syn match gateReference /[[:alnum:]_.-]\@1<!\%(claim\|client\|flag\|key\|param\|request\|response\|upstream\|user\)\.\h\%(\w\|-\+\w\@=\|\.\)*/
syn match gateFunction /[[:alnum:]_.-]\@1<!\%(body\|cookie\|env\|file\|has\|header\|lower\|query\)(\@=/
syn match gateAnnotation /:\s*\h[[:alnum:]<>?]*/ contains=gateType
syn match gateType /\<\%(address\|bool\|cidr\|date\|duration\|enum\|host\|int\|ip\|list\|method\|path\|percent\|range\|rate\|regex\|secret\|set\|size\|status\|str\|url\)\>\%(<[^>]*>\)\??\?/ contained

" Operators; after one the statement goes on, also in the next line.
syn match gateOperator /->\|==\|!=\|<=\|>=\|??\|<\|>\|=/ nextgroup=@gateExpression skipwhite skipnl
syn match gateOperatorWord /[[:alnum:]_.-]\@1<!\%(and\|or\|not\|in\|matches\)[[:alnum:]_.-]\@!/ nextgroup=@gateExpression skipwhite skipnl
syn match gateDelimiter /,/ nextgroup=@gateExpression skipwhite skipnl
syn match gateDelimiter /;/

" Literals: of the alternatives the first that fits is taken, so the longest shape stands first.
syn match gateNumber /[[:alnum:]_.:-]\@1<!\d\{4}-\d\d-\d\d[[:alnum:]_"\/.*#%-]\@!/
syn match gateNumber /[[:alnum:]_.:-]\@1<!\d[[:alnum:]_]*%\?\.\.\d[[:alnum:]_]*%\?[[:alnum:]_"\/.*#%-]\@!/
syn match gateNumber /[[:alnum:]_.:-]\@1<!\d[0-9_]*\%(\%(\.\d\+\)\?\%([KMGT]i\?\)\?B\)\?\/\%(s\|min\|h\|d\|month\)[[:alnum:]_"\/.*#%-]\@!/
syn match gateNumber /[[:alnum:]_.:-]\@1<!\d[0-9_]*\%(\.\d\+\)\?\%(\%([KMGT]i\?\)\?B\|%\)[[:alnum:]_"\/.*#%-]\@!/
syn match gateNumber /[[:alnum:]_.:-]\@1<!\%(\d[0-9_]*\%(ms\|s\|m\|h\|d\)\)\+[[:alnum:]_"\/.*#%-]\@!/
syn match gateNumber /[[:alnum:]_.:-]\@1<!\%([1-5]xx\|\d[0-9_]*\)[[:alnum:]_"\/.*#%-]\@!/
syn match gateAddress /[[:alnum:]_.:-]\@1<!\%(\%(\x\{1,4}:\|:\)\{2,7}\%(\d\+\%(\.\d\+\)\{3}\|\x\{1,4}\)\?\|\d\{1,3}\%(\.\d\{1,3}\)\{3}\)\%(\/\d\{1,3}\)\?[[:alnum:]_.:]\@!/
syn match gateAddress /[[:alnum:]_.:\]-]\@1<!\%(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]\|[[:alnum:]_][[:alnum:]_.-]*\)\?:\d\{1,5}[[:alnum:]_".*/:]\@!/
syn match gateAddress /[[:alnum:]_.:-]\@1<!\h\%(\w\|-\+\w\@=\)*:\x\{32,}\>/
syn match gatePath +\%(^\|[[:space:]({\[,;]\)\@1<=/\%([-A-Za-z0-9/._~%?=&:@!$'+#*]\|{\h\%(\w\|-\+\w\@=\)*\%(:\%(re"\%([^"\\]\|\\.\)*"\|[^[:space:]{}"]\+\)\)\?}\)*+ contains=gateParameter
syn match gateUrl +\<\a[A-Za-z0-9.+-]*://\%(\[[0-9A-Fa-f:.]\+\]\)\?\%([-A-Za-z0-9/._~%?=&:@!$'+#*]\|{\h\%(\w\|-\+\w\@=\)*\%(:\%(re"\%([^"\\]\|\\.\)*"\|[^[:space:]{}"]\+\)\)\?}\)*+ contains=gateParameter
syn match gateParameter /{\h\%(\w\|-\+\w\@=\)*\%(:\%(re"\%([^"\\]\|\\.\)*"\|[^[:space:]{}"]\+\)\)\?}/ contained

" Brackets.
syn cluster gateExpression contains=gateWord,gateMethod,gateReference,gateFunction,gateOperator,gateOperatorWord,gateDelimiter,gateNumber,gateAddress,gatePath,gateUrl,gateString,gateRaw,gateRegex,gateList,gateParens
syn region gateList matchgroup=gateDelimiter start=/\[\%([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]:\d\)\@!/ end=/\]/ contains=@gateExpression,gateComment
syn region gateParens matchgroup=gateDelimiter start=/(/ end=/)/ contains=@gateExpression,gateAnnotation,gateComment
syn region gateBlock matchgroup=gateDelimiter start=/{/ end=/}/ transparent fold contains=TOP
syn region gateRows matchgroup=gateDelimiter start=/\%(\%(^\|[{;]\)\s*\%(attributes\|claims\|given\|issue\|key\|security_headers\|stub\)\>[^{;]*\)\@<={/ end=/}/ transparent fold contains=gateOwn,@gateExpression,gateComment,gateDoc
syn match gateOwn /\%(\%(^\|[{;]\)\s*\)\@<=\h\%(\w\|-\+\w\@=\)*/ contained contains=gateMethod nextgroup=gateType skipwhite

" Strings; what they interpolate is code again.
syn region gateString start=/"/ end=/"/ end=/$/ contains=gateEscape,gateHole
syn region gateRaw start=/"""/ end=/""""\@!/ contains=gateRawEscape,gateHole
syn region gateRegex start=/[[:alnum:]_]\@1<!re"/ skip=/\\./ end=/"/ end=/$/
syn match gateEscape /\\\%([nt"\\$]\|u{\x\{1,6}}\)/ contained
syn match gateRawEscape /\$\${/ contained
syn region gateHole matchgroup=gateHole start=/\${/ end=/}/ end=/$/ contained contains=@gateExpression

" Comments; `##` in front of a statement is its documentation.
syn match gateComment /\%(^\|[[:space:]{}()\[\],;"]\)\@1<=#.*/ contains=@Spell
syn match gateDoc /^\s*###\@!.*/ contains=@Spell

hi def link gateStatement Statement
hi def link gateMode StorageClass
hi def link gateClause Keyword
hi def link gateChoice Constant
hi def link gateConstant Constant
hi def link gateMethod Constant
hi def link gateName Function
hi def link gateRow Identifier
hi def link gateOwn Identifier
hi def link gateReference Special
hi def link gateFunction Function
hi def link gateType Type
hi def link gateOperator Operator
hi def link gateOperatorWord Operator
hi def link gateDelimiter Delimiter
hi def link gateNumber Number
hi def link gateAddress Number
hi def link gatePath String
hi def link gateUrl Underlined
hi def link gateParameter Identifier
hi def link gateString String
hi def link gateRaw String
hi def link gateRegex String
hi def link gateEscape SpecialChar
hi def link gateRawEscape SpecialChar
hi def link gateHole Special
hi def link gateComment Comment
hi def link gateDoc SpecialComment

let b:current_syntax = 'gate'
