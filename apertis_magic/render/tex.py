r"""The TeX that a formula of an answer may be made of: names, by what they are for.

All of them are known to MathJax 3 as JupyterLab and Notebook 7 load it. None defines,
names, links, styles or loads anything, writes its argument so often that nesting would
multiply it, or looks at anything outside its formula.

What a command or an environment takes besides formulas is told by letters, one for each
argument. In brackets, which may be missing: ``[`` a formula, ``o`` the letter of a
position. In braces: ``t`` text, ``s`` chemistry, ``b`` a bond, ``c`` a colour, ``a``
the columns of an array, ``n`` a number, ``g`` a tag, ``e`` a delimiter or none. As it
is: ``d`` a delimiter, ``l`` the length of a space, ``m`` that of what is drawn or
moved.

Other letters: ``f`` takes formulas only. All that follows in its group ``y`` shows in
another style and ``z`` in another size; ``p`` writes its argument twice. A command
without a letter takes nothing.
"""


def _table(text: str) -> dict[str, str]:
    """Return what each name takes; indented names stand below what they are for."""
    takes = ""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith(" "):
            found |= dict.fromkeys(line.split(), takes)
        else:
            takes = line.partition(": ")[2]
    return found


COMMANDS = _table(r"""
greek
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa
    varkappa lambda mu nu xi omicron pi varpi rho varrho sigma varsigma tau upsilon phi
    varphi chi psi omega digamma Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi
    Omega varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi
    varPsi varOmega
upright greek
    upalpha upbeta upgamma updelta upepsilon upvarepsilon upzeta upeta uptheta upiota
    upkappa uplambda upmu upnu upxi uppi uprho upsigma uptau upupsilon upphi upchi uppsi
    upomega Upgamma Updelta Uptheta Uplambda Upxi Uppi Upsigma Upphi Uppsi Upomega
letters
    aleph beth gimel daleth ell hbar hslash imath jmath wp Re Im eth Finv Game Bbbk
    complement mho partial nabla infty emptyset varnothing prime backprime
operators
    pm mp times div divsymbol cdot ast star circ bullet bigcirc diamond oplus ominus
    otimes oslash odot dotplus divideontimes ltimes rtimes leftthreetimes
    rightthreetimes centerdot intercal boxplus boxminus boxtimes boxdot circledast
    circledcirc circleddash dagger ddagger amalg wr And bigtimes
sets
    cup cap uplus sqcup sqcap setminus smallsetminus Cup Cap doublecup doublecap in ni
    owns notin subset supset subseteq supseteq nsubseteq nsupseteq subsetneq supsetneq
    varsubsetneq varsupsetneq subseteqq supseteqq nsubseteqq nsupseteqq subsetneqq
    supsetneqq varsubsetneqq varsupsetneqq Subset Supset sqsubset sqsupset sqsubseteq
    sqsupseteq
logic
    land lor wedge vee barwedge veebar curlywedge curlyvee doublebarwedge lnot neg
    forall exists nexists top bot vdash dashv models vDash Vdash Vvdash nvdash nvDash
    nVdash nVDash therefore because implies impliedby iff checkmark square blacksquare
    Box Diamond lozenge blacklozenge
relations
    le leq ge geq lt gt ne neq equiv approx sim simeq cong propto varpropto asymp doteq
    ll gg lll llless ggg gggtr prec succ preceq succeq perp parallel mid smile frown
    bowtie leqq geqq leqslant geqslant eqslantless eqslantgtr lesssim gtrsim lessapprox
    gtrapprox approxeq lessdot gtrdot lessgtr gtrless lesseqgtr gtreqless lesseqqgtr
    gtreqqless doteqdot Doteq eqcirc circeq triangleq risingdotseq fallingdotseq backsim
    backsimeq thicksim thickapprox eqsim bumpeq Bumpeq preccurlyeq succcurlyeq
    curlyeqprec curlyeqsucc precsim succsim precapprox succapprox between pitchfork
    backepsilon Join shortmid shortparallel smallsmile smallfrown vartriangleleft
    vartriangleright trianglelefteq trianglerighteq lhd rhd unlhd unrhd
    blacktriangleleft blacktriangleright vartriangle coloneqq Coloneqq coloneq Coloneq
    eqqcolon Eqqcolon eqcolon Eqcolon colonapprox Colonapprox colonsim Colonsim dblcolon
negated
    not nless ngtr nleq ngeq nleqslant ngeqslant nleqq ngeqq lneq gneq lneqq gneqq
    lvertneqq gvertneqq lnsim gnsim lnapprox gnapprox nprec nsucc npreceq nsucceq
    precneqq succneqq precnsim succnsim precnapprox succnapprox nsim ncong nshortmid
    nshortparallel nmid nparallel ntriangleleft ntriangleright ntrianglelefteq
    ntrianglerighteq
arrows
    to gets leftarrow rightarrow leftrightarrow Leftarrow Rightarrow Leftrightarrow
    longleftarrow longrightarrow longleftrightarrow Longleftarrow Longrightarrow
    Longleftrightarrow mapsto longmapsto hookleftarrow hookrightarrow uparrow downarrow
    updownarrow Uparrow Downarrow Updownarrow nearrow searrow swarrow nwarrow
    leftharpoonup leftharpoondown rightharpoonup rightharpoondown rightleftharpoons
    leftrightharpoons leftleftarrows rightrightarrows leftrightarrows rightleftarrows
    Lleftarrow Rrightarrow twoheadleftarrow twoheadrightarrow leftarrowtail
    rightarrowtail looparrowleft looparrowright curvearrowleft curvearrowright
    circlearrowleft circlearrowright Lsh Rsh upuparrows downdownarrows upharpoonleft
    upharpoonright downharpoonleft downharpoonright restriction multimap
    leftrightsquigarrow rightsquigarrow leadsto dashrightarrow dashleftarrow nleftarrow
    nrightarrow nLeftarrow nRightarrow nleftrightarrow nLeftrightarrow nuparrow
    ndownarrow
big operators
    sum prod coprod int iint iiint iiiint idotsint oint smallint intop bigcup bigcap
    bigsqcup biguplus bigvee bigwedge bigoplus bigotimes bigodot limits nolimits
functions
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth exp ln log lg arg
    deg det dim gcd hom ker max min sup inf lim limsup liminf injlim projlim varlimsup
    varliminf varinjlim varprojlim Pr bmod
dots
    ldots cdots vdots ddots dots dotsc dotsb dotsm dotsi dotso ldotp cdotp colon
shapes
    triangle triangledown bigtriangleup bigtriangledown blacktriangle blacktriangledown
    triangleleft triangleright angle measuredangle sphericalangle surd flat natural
    sharp clubsuit diamondsuit heartsuit spadesuit bigstar diagup diagdown maltese
    circledS circledR S yen
brackets
    langle rangle lbrace rbrace lbrack rbrack lceil rceil lfloor rfloor lvert rvert
    lVert rVert vert Vert lgroup rgroup lmoustache rmoustache ulcorner urcorner llcorner
    lrcorner lparen rparen backslash { } |
units
    degree celsius ohm perthousand micro
signs
    textdegree textcelsius textmu textohm texteuro textsterling textcent textyen
    textdollar textbullet textdagger textdaggerdbl textsection textparagraph
    textcopyright textregistered texttrademark textperthousand textonehalf
    textonequarter textthreequarters textunderscore textbackslash textasciitilde
    textasciicircum textless textgreater textbar textendash textemdash textellipsis % $
    & # _
spaces
    quad qquad enspace thinspace space nobreakspace , : ; >
lines
    hline hdashline newline notag nonumber strut mathstrut
fractions
    over choose atop brace brack
chemistry
    longrightleftharpoons longleftrightarrows tripledash
names
    TeX LaTeX
fractions: f
    frac dfrac tfrac binom dbinom tbinom splitfrac splitdfrac
letters: f
    mathrm mathbf mathit mathsf mathtt mathbb Bbb mathcal mathscr mathfrak mathnormal
    mathup mathbfup mathbfit mathbfcal mathbfscr mathbffrak mathbfsf mathsfit symbf
    symbb symrm symit symsf symcal symscr symfrak symtt boldsymbol
accents: f
    hat widehat tilde widetilde bar vec dot ddot dddot ddddot acute grave breve check
    mathring overline underline overbrace underbrace overparen underparen overrightarrow
    overleftarrow overleftrightarrow underrightarrow underleftarrow underleftrightarrow
    overbracket underbracket
above: f
    overset underset overunderset stackrel stackbin sideset substack prescript
classes: f
    mathop mathbin mathrel mathopen mathclose mathord mathpunct mathinner operatorname
    pmod mod pod centernot cramped
sizes: f
    phantom hphantom vphantom rlap llap mathrlap mathllap mathclap vcenter
frames: f
    boxed cancel bcancel xcancel cancelto
quantum: f
    bra ket braket ketbra Bra Ket Braket Ketbra set Set
brackets: d
    big Big bigg Bigg bigl Bigl biggl Biggl bigr Bigr biggr Biggr bigm Bigm biggm Biggm
    middle
roots: [
    sqrt
arrows: [
    xrightarrow xleftarrow xleftrightarrow xRightarrow xLeftarrow xLeftrightarrow
    xhookrightarrow xhookleftarrow xmapsto xrightleftharpoons xleftrightharpoons
    xrightharpoonup xrightharpoondown xleftharpoonup xleftharpoondown xtwoheadrightarrow
    xtwoheadleftarrow xlongequal xtofrom
heights: o
    cfrac smash
text: t
    text textrm textbf textit textsf texttt textnormal textup mbox hbox fbox
chemistry: s
    ce pu
colour: cy
    color
colour: cf
    textcolor cellcolor rowcolor
colour: ct
    colorbox
colour: cct
    fcolorbox
spaces: l
    hspace hskip kern mkern mskip mspace
moves: m
    raise lower moveleft moveright
rules: mm
    rule
fractions: eemn
    genfrac
tags: g
    tag
styles: y
    displaystyle textstyle scriptstyle scriptscriptstyle rm bf it cal sf tt frak scr mit
sizes: z
    tiny Tiny scriptsize small normalsize large Large LARGE huge Huge
doubled: p
    pmb
""") | {" ": ""}
"""What each command of a formula takes."""

TEXT = _table(r"""
fonts: t
    textrm textbf textit textsf texttt textnormal textup emph
signs
    { } $ % & # _ S dagger ddagger
spaces
    quad qquad enspace thinspace , : ; >
""") | {" ": ""}
"""What each command of a text in a formula takes."""

# None of these begins the name of a command that is not listed: a typesetter might put
# a letter right behind it.
CHEMISTRY = _table(r"""
greek
    alpha beta gamma delta sigma lambda omega Delta Gamma Sigma Omega
signs
    cdot circ pm rightarrow leftarrow degree { } , ;
text: t
    text textbf textit
bonds: b
    bond
""")
"""What each command of a chemical equation takes."""

ENVIRONMENTS = _table(r"""
equations
    equation equation* split multline multline* gather gather*
alignments
    align align* eqnarray eqnarray* flalign flalign*
alignments: n
    alignat alignat*
alignments: on
    alignedat
alignments: o
    aligned gathered lgathered rgathered
matrices
    matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix
matrices
    smallmatrix psmallmatrix bsmallmatrix vsmallmatrix
matrices: o
    matrix* pmatrix* bmatrix* Bmatrix* vmatrix* Vmatrix*
cases
    cases dcases rcases drcases
arrays: oa
    array
arrays: a
    subarray
diagrams
    CD
""")
"""What each environment, between ``\\begin`` and ``\\end``, takes."""

DELIMITERS = frozenset(
    r"""
    ( ) [ ] < > / | . \{ \} \| \lt \gt \vert \Vert \lvert \rvert \lVert \rVert \langle
    \rangle \lbrace \rbrace \lbrack \rbrack \lceil \rceil \lfloor \rfloor \lgroup
    \rgroup \lmoustache \rmoustache \ulcorner \urcorner \llcorner \lrcorner \lparen
    \rparen \uparrow \downarrow \updownarrow \Uparrow \Downarrow \Updownarrow
    \backslash""".split()
)
"""What may stand behind ``\\left``, ``\\right`` and ``\\big``."""

BACK = {"!": 3, "negthinspace": 3, "negmedspace": 4, "negthickspace": 5}
"""Spaces that go back, in eighteenths of an em."""
