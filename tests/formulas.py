r"""Formulas as answers have them, by field, and each listed command in a formula."""

from apertis_magic.render.tex import (
    BACK,
    CHEMISTRY,
    COMMANDS,
    DELIMITERS,
    ENVIRONMENTS,
    TEXT,
)

FIELDS: dict[str, str] = {
    "algebra": r"""
x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}
(a + b)^n = \sum_{k=0}^{n} \binom{n}{k} a^{n-k} b^k
\sqrt[3]{x^3 + y^3} \neq x + y
\left(\frac{1}{x} + \frac{1}{y}\right)^{-1} = \frac{xy}{x+y}
|x - y| \le |x| + |y|
\log_b(xy) = \log_b x + \log_b y
a \equiv b \pmod{m}
a \bmod b = a - b\left\lfloor \frac{a}{b} \right\rfloor
\gcd(a, b) \cdot \operatorname{lcm}(a, b) = |ab|
\prod_{i=1}^{n} (x - \alpha_i)
x_{1,2} = \underbrace{-\tfrac{p}{2}}_{\text{vertex}} \pm \sqrt{\left(\tfrac{p}{2}\right)^2 - q}
\overline{z_1 z_2} = \bar{z}_1\,\bar{z}_2
e^{i\pi} + 1 = 0
\dfrac{a}{b} \div \dfrac{c}{d} = \dfrac{a}{b} \times \dfrac{d}{c}
\cancel{2}x = \frac{\cancel{4}}{\bcancel{2}} \cdot \xcancel{y}
\begin{cases} 2x + y = 5 \\ x - y = 1 \end{cases}
\left\{\begin{array}{l} x + y = 3 \\ x - y = 1 \end{array}\right.
\cfrac{1}{1 + \cfrac{1}{2 + \cfrac{1}{3 + \dotsb}}}
\boxed{x = 42}
a_n = a_1 + (n-1)d \quad\text{and}\quad S_n = \frac{n}{2}(a_1 + a_n)
""",
    "calculus": r"""
\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2}
f'(x) = \lim_{h \to 0} \frac{f(x+h) - f(x)}{h}
\frac{d}{dx}\left[\int_a^x f(t)\,\mathrm{d}t\right] = f(x)
\frac{\partial^2 u}{\partial t^2} = c^2 \nabla^2 u
\iint_D \left(\frac{\partial Q}{\partial x} - \frac{\partial P}{\partial y}\right) dA = \oint_{\partial D} P\,dx + Q\,dy
\iiint_V \nabla \cdot \mathbf{F}\,dV = \oint_S \mathbf{F}\cdot\mathbf{n}\,dS
\lim_{x\to 0^+} \frac{\sin x}{x} = 1
f(x) = \sum_{n=0}^{\infty} \frac{f^{(n)}(a)}{n!}(x-a)^n
\int u\,dv = uv - \int v\,du
\left.\frac{dy}{dx}\right|_{x=0}
\Gamma(z) = \int_0^\infty t^{z-1}e^{-t}\,dt,\qquad \Re(z) > 0
\int\limits_{-\infty}^{\infty} f(x)\,e^{-2\pi i x \xi}\,dx
\begin{aligned} \int x e^x \, dx &= x e^x - \int e^x \, dx \\ &= (x - 1)e^x + C \end{aligned}
\sum_{n=1}^\infty \frac{1}{n^2} = \frac{\pi^2}{6}
\nabla f = \left(\frac{\partial f}{\partial x_1}, \ldots, \frac{\partial f}{\partial x_n}\right)^\top
y'' + \omega^2 y = 0 \implies y = A\cos\omega t + B\sin\omega t
\limsup_{n\to\infty} a_n \ge \liminf_{n\to\infty} a_n
\int\!\!\!\int_R f(x,y)\,dx\,dy
\begin{align*} \frac{d}{dx}\sin x &= \cos x \\[6pt] \frac{d}{dx}\cos x &= -\sin x \end{align*}
\oint_C f(z)\,dz = 2\pi i \sum_k \operatorname{Res}(f, z_k)
\mathcal{L}\{f\}(s) = \int_0^{\infty} f(t)e^{-st}\,dt
\sum_{\substack{1\le i\le n \\ i \ne j}} a_i
\sum_{\mathclap{1 \le i \le j \le n}} x_{ij}
""",
    "linear algebra": r"""
A = \begin{pmatrix} a & b \\ c & d \end{pmatrix}
\det(A - \lambda I) = 0
\begin{bmatrix} 1 & 0 & \cdots & 0 \\ 0 & 1 & \cdots & 0 \\ \vdots & \vdots & \ddots & \vdots \\ 0 & 0 & \cdots & 1 \end{bmatrix}
\begin{vmatrix} a & b \\ c & d \end{vmatrix} = ad - bc
A = U \Sigma V^{\mathsf{T}}
\|x\|_2 = \sqrt{x^\top x}
\left[\begin{array}{cc|c} 1 & 2 & 3 \\ 4 & 5 & 6 \end{array}\right]
\mathbf{A}\vec{x} = \lambda\vec{x}, \quad \vec{x} \neq \vec{0}
\operatorname{rank}(A) + \dim\ker(A) = n
\langle u, v \rangle = \sum_i \overline{u_i} v_i
\operatorname{tr}(AB) = \operatorname{tr}(BA)
\hat{\boldsymbol{\beta}} = (\mathbf{X}^\top \mathbf{X})^{-1}\mathbf{X}^\top\mathbf{y}
\begin{pmatrix*}[r] -1 & 3 \\ 2 & -4 \end{pmatrix*}
\left(\begin{smallmatrix} a & b \\ c & d \end{smallmatrix}\right)
V = W \oplus W^\perp
\operatorname{span}\{v_1, \dots, v_k\} \subseteq \mathbb{R}^n
\begin{Bmatrix} 1 & 2 \\ 3 & 4 \end{Bmatrix} \quad \begin{Vmatrix} 1 & 2 \\ 3 & 4 \end{Vmatrix}
\left\lVert Ax - b \right\rVert_2^2 + \lambda \left\lVert x \right\rVert_1
A \otimes B = \begin{bmatrix} a_{11}B & a_{12}B \\ a_{21}B & a_{22}B \end{bmatrix}
\xrightarrow{R_2 \to R_2 - 2R_1}
""",
    "geometry": r"""
\sin^2\theta + \cos^2\theta = 1
c^2 = a^2 + b^2 - 2ab\cos\gamma
\triangle ABC \sim \triangle DEF
\angle ABC = 90^\circ
A = \pi r^2, \quad C = 2\pi r
\overrightarrow{AB} = \overrightarrow{OB} - \overrightarrow{OA}
\overline{AB} \parallel \overline{CD}, \quad \overline{AB} \perp \overline{EF}
\frac{a}{\sin\alpha} = \frac{b}{\sin\beta} = \frac{c}{\sin\gamma} = 2R
\tan(\alpha \pm \beta) = \frac{\tan\alpha \pm \tan\beta}{1 \mp \tan\alpha\tan\beta}
V = \frac{4}{3}\pi r^3
\measuredangle BAC = \frac{\overparen{BC}}{2}
\frac{x^2}{a^2} + \frac{y^2}{b^2} = 1
ds^2 = g_{\mu\nu}\,dx^\mu\,dx^\nu
K = \frac{\det \mathrm{II}}{\det \mathrm{I}}
\theta = 45\degree = \tfrac{\pi}{4}\,\text{rad}
""",
    "logic and sets": r"""
\forall \varepsilon > 0\; \exists \delta > 0 : |x - a| < \delta \implies |f(x) - f(a)| < \varepsilon
\neg(p \land q) \iff \neg p \lor \neg q
A \setminus B = \{x \in A \mid x \notin B\}
A \cup (B \cap C) = (A \cup B) \cap (A \cup C)
\mathcal{P}(\emptyset) = \{\varnothing\}
\bigcup_{i \in I} A_i \subseteq \bigcap_{j \in J} B_j
|\mathbb{N}| = \aleph_0 < 2^{\aleph_0} = |\mathbb{R}|
\Gamma \vdash \varphi \quad\Rightarrow\quad \Gamma \models \varphi
p \to q \equiv \lnot p \lor q
\therefore x \in A \triangle B
f : X \twoheadrightarrow Y, \quad g : X \hookrightarrow Y
f \colon A \to B, \quad x \mapsto x^2
\nexists x \in \mathbb{Q} : x^2 = 2
\begin{array}{c|c|c} p & q & p \wedge q \\ \hline T & T & T \\ T & F & F \end{array}
\ulcorner \varphi \urcorner
X \coloneqq \{1, 2, 3\} \subsetneq Y
A^\complement = U \smallsetminus A
\Box p \rightarrow \Diamond p
""",
    "probability and statistics": r"""
P(A \mid B) = \frac{P(B \mid A)\,P(A)}{P(B)}
\mathbb{E}[X] = \sum_{x} x\,P(X = x)
\operatorname{Var}(X) = \mathbb{E}\!\left[(X - \mu)^2\right]
f(x) = \frac{1}{\sigma\sqrt{2\pi}} \exp\!\left(-\frac{(x-\mu)^2}{2\sigma^2}\right)
X \sim \mathcal{N}(\mu, \sigma^2)
\bar{x} = \frac{1}{n}\sum_{i=1}^n x_i
s^2 = \frac{1}{n-1}\sum_{i=1}^{n}(x_i - \bar{x})^2
z = \frac{\bar{x} - \mu_0}{\sigma/\sqrt{n}}
\chi^2 = \sum_i \frac{(O_i - E_i)^2}{E_i}
\hat{\theta}_{\text{MLE}} = \operatorname*{arg\,max}_{\theta} \mathcal{L}(\theta; x)
\rho_{X,Y} = \frac{\operatorname{cov}(X,Y)}{\sigma_X \sigma_Y}
X_n \xrightarrow{d} X
X_1, \dots, X_n \overset{\text{i.i.d.}}{\sim} \text{Bernoulli}(p)
\Pr[X \ge a] \le \frac{\mathbb{E}[X]}{a}
95\%\ \text{CI} = \bar{x} \pm 1.96\frac{s}{\sqrt{n}}
R^2 = 1 - \frac{\text{SS}_{\text{res}}}{\text{SS}_{\text{tot}}}
P(X = k) = \binom{n}{k} p^k (1-p)^{n-k}
H_0: \mu = 0 \quad \text{vs.} \quad H_1: \mu \ne 0
X \perp\!\!\!\perp Y \mid Z
D_{\mathrm{KL}}(P \parallel Q) = \int p(x)\log\frac{p(x)}{q(x)}\,dx
\mathbf{1}_{\{x > 0\}}
p(y \mid x) \propto p(x \mid y)\,p(y)
\sqrt{n}\,(\bar X_n - \mu) \xrightarrow[n\to\infty]{\mathcal{D}} \mathcal{N}(0, \sigma^2)
""",
    "physics": r"""
E = mc^2
\mathbf{F} = m\mathbf{a} = \frac{d\mathbf{p}}{dt}
\nabla \times \mathbf{E} = -\frac{\partial \mathbf{B}}{\partial t}
\oint_S \mathbf{E}\cdot d\mathbf{A} = \frac{Q_{\text{enc}}}{\varepsilon_0}
F = G\,\frac{m_1 m_2}{r^2}
\lambda = \frac{h}{p}
PV = nRT
\Delta S \geq \frac{\delta Q}{T}
v = 3.0 \times 10^8\ \mathrm{m\,s^{-1}}
\mathcal{L} = \bar\psi(i\gamma^\mu D_\mu - m)\psi - \tfrac14 F_{\mu\nu}F^{\mu\nu}
G_{\mu\nu} + \Lambda g_{\mu\nu} = \frac{8\pi G}{c^4}T_{\mu\nu}
\frac{d}{dt}\frac{\partial L}{\partial \dot{q}} - \frac{\partial L}{\partial q} = 0
\ddot{x} + 2\gamma\dot{x} + \omega_0^2 x = 0
\begin{aligned} \nabla\cdot\mathbf{E} &= \frac{\rho}{\epsilon_0} & \nabla\cdot\mathbf{B} &= 0 \end{aligned}
I \propto \frac{1}{\lambda^4}
\vec{F} = q(\vec{E} + \vec{v}\times\vec{B})
T = 2\pi\sqrt{\frac{l}{g}} \approx 2.0\,\text{s}
\gamma = \frac{1}{\sqrt{1 - v^2/c^2}}
\rho\left(\frac{\partial \mathbf{u}}{\partial t} + \mathbf{u}\cdot\nabla\mathbf{u}\right) = -\nabla p + \mu\nabla^2\mathbf{u}
n_1\sin\theta_1 = n_2\sin\theta_2
\Box\,\phi = 0
25\,\celsius = 298.15\,\text{K}, \quad R = 5\,\mathrm{k\Omega}
v_{\text{avg}} = \frac{\Delta x}{\Delta t} = \frac{10~\text{m}}{2~\text{s}}
S = k_B \ln \Omega
""",
    "quantum": r"""
i\hbar\frac{\partial}{\partial t}\Psi(\mathbf{r},t) = \hat{H}\Psi(\mathbf{r},t)
\Delta x\,\Delta p \geq \frac{\hbar}{2}
\ket{\psi} = \alpha\ket{0} + \beta\ket{1}
\braket{\phi | \psi} = \int \phi^*(x)\,\psi(x)\,dx
\bra{n}\hat{a}^\dagger\ket{n-1} = \sqrt{n}
[\hat{x}, \hat{p}] = i\hbar
|\psi\rangle = \frac{1}{\sqrt{2}}\big(|00\rangle + |11\rangle\big)
\sigma_x = \begin{pmatrix} 0 & 1 \\ 1 & 0 \end{pmatrix}
\left\langle \psi \middle| \hat{A} \middle| \psi \right\rangle
\Braket{\psi | \hat H | \psi}
\hat{\rho} = \sum_i p_i \ketbra{\psi_i}{\psi_i}
U(\theta) = e^{-i\theta\,\hat{n}\cdot\boldsymbol{\sigma}/2}
E_n = -\frac{13.6\,\text{eV}}{n^2}
H^{\otimes n}\ket{0}^{\otimes n}
""",
    "chemistry": r"""
\ce{2H2 + O2 -> 2H2O}
\ce{CO2 + C <=> 2CO}
\ce{SO4^2- + Ba^2+ -> BaSO4 v}
\ce{A ->[\text{heat}][\text{cat.}] B}
\ce{^{227}_{90}Th+}
\ce{CH3-CH2-OH ->[H2SO4][$\Delta$] CH2=CH2 + H2O}
\ce{HC#CH}
K_a = \frac{[\ce{H+}][\ce{A-}]}{[\ce{HA}]}
\mathrm{pH} = -\log_{10}[\mathrm{H^+}]
\Delta G^\circ = -RT\ln K
k = A e^{-E_a/(RT)}
\ce{Zn^2+ <=>[+ 2OH-][+ 2H+] $\underset{\text{amphoteric}}{\ce{Zn(OH)2 v}}$}
\ce{[Cu(NH3)4]^2+}
E = E^\circ - \frac{RT}{nF}\ln Q
\ce{NaOH(aq) + HCl(aq) -> NaCl(aq) + H2O(l)}
\ce{CuSO4.5H2O}
\pu{123 kJ mol-1}
n = \frac{m}{M} = \frac{36\ \text{g}}{18\ \text{g/mol}} = 2\ \text{mol}
\ce{Fe^{III} + e- -> Fe^{II}}
\ce{A\bond{-}B\bond{=}C}
\ce{$x$ Na + H2O}
\xrightleftharpoons[k_{-1}]{k_1}
\text{rate} = k[\text{A}]^m[\text{B}]^n
""",
    "biology and medicine": r"""
v = \frac{V_{\max}[S]}{K_m + [S]}
p^2 + 2pq + q^2 = 1
\frac{dN}{dt} = rN\left(1 - \frac{N}{K}\right)
R_0 = \frac{\beta}{\gamma}
\text{BMI} = \frac{\text{mass (kg)}}{\text{height (m)}^2}
\text{Sensitivity} = \frac{TP}{TP + FN}
\frac{dx}{dt} = \alpha x - \beta xy
C(t) = C_0 e^{-k_{\mathrm{el}} t}, \qquad t_{1/2} = \frac{\ln 2}{k_{\mathrm{el}}}
V_m = \frac{RT}{F}\ln\frac{P_{\mathrm{K}}[\mathrm{K}^+]_o}{P_{\mathrm{K}}[\mathrm{K}^+]_i}
\text{dose} = 5\,\frac{\text{mg}}{\text{kg}} \times 70\,\text{kg} = 350\,\text{mg}
""",
    "computing": r"""
T(n) = 2\,T\!\left(\frac{n}{2}\right) + \mathcal{O}(n \log n)
\lceil \log_2(n+1) \rceil - 1 \le h \le n - 1
\sigma(z)_i = \frac{e^{z_i}}{\sum_{j=1}^K e^{z_j}}
\text{Attention}(Q, K, V) = \text{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V
\theta_{t+1} \leftarrow \theta_t - \eta\,\nabla_\theta J(\theta_t)
L = -\sum_{i} y_i \log \hat{y}_i
\texttt{max\_len} = 2^{10}
H(X) = -\sum_{x\in\mathcal{X}} p(x)\log_2 p(x)
A \oplus B = \bar{A}B + A\bar{B}
\underset{w}{\arg\min}\ \frac{1}{n}\sum_{i=1}^n \ell(f_w(x_i), y_i)
f(n) = \Theta(g(n)) \Leftrightarrow f \in O(g) \cap \Omega(g)
\text{F1} = 2 \cdot \frac{\text{precision}\cdot\text{recall}}{\text{precision}+\text{recall}}
c \equiv m^e \pmod{n}, \quad d \equiv e^{-1} \pmod{\varphi(n)}
F_n = \begin{cases} n & \text{if } n \le 1, \\ F_{n-1} + F_{n-2} & \text{otherwise.} \end{cases}
Q(s,a) \gets Q(s,a) + \alpha\bigl[r + \gamma\max_{a'} Q(s',a') - Q(s,a)\bigr]
\mathrm{ReLU}(x) = \max(0, x)
(\lambda x.\,x\,x)(\lambda x.\,x\,x)
L(G) = \{ a^n b^n \mid n \geq 0 \}
\mathtt{0xFF} = 255_{10} = 11111111_2
\frac{\partial \mathcal{L}}{\partial W^{[l]}} = \delta^{[l]} (a^{[l-1]})^\top
""",
    "engineering": r"""
V = IR, \qquad P = I^2 R
H(s) = \frac{\omega_n^2}{s^2 + 2\zeta\omega_n s + \omega_n^2}
Z = R + j\omega L + \frac{1}{j\omega C}
X(z) = \sum_{n=-\infty}^{\infty} x[n]\,z^{-n}
\mathrm{Re} = \frac{\rho v D}{\mu}
\sigma = E\varepsilon
A_{\text{dB}} = 20\log_{10}\left|\frac{V_{\text{out}}}{V_{\text{in}}}\right|
\eta = 1 - \frac{T_C}{T_H} \approx 40\%
\dot{Q} = -kA\frac{dT}{dx}
\dot{\mathbf{x}} = \mathbf{A}\mathbf{x} + \mathbf{B}\mathbf{u}
\delta_{\max} = \frac{5wL^4}{384EI}
f_c = \frac{1}{2\pi RC} = \frac{1}{2\pi \cdot 10\,\text{k}\Omega \cdot 1\,\mu\text{F}}
x(t) = \operatorname{Re}\left\{X e^{j\omega t}\right\}
\underbrace{G(s)}_{\text{plant}}\,\overbrace{C(s)}^{\text{controller}}
""",
    "economics": r"""
PV = \frac{FV}{(1 + r)^n}
\$100 \times 1.05^2 = \$110.25
\max_{x_1, x_2} u(x_1, x_2) \quad \text{s.t.} \quad p_1 x_1 + p_2 x_2 \leq m
\text{NPV} = \sum_{t=0}^{T} \frac{C_t}{(1+r)^t}
C = S\,N(d_1) - K e^{-rT} N(d_2)
\varepsilon_d = \frac{\%\Delta Q}{\%\Delta P}
Y = C + I + G + (X - M)
\frac{\text{€}5{,}000}{12} \approx \text{€}416.67
A = P\left(1 + \frac{r}{n}\right)^{nt}
\pi^e_{t+1} = \mathbb{E}_t[\pi_{t+1}]
\beta_i = \frac{\operatorname{Cov}(R_i, R_m)}{\operatorname{Var}(R_m)}
\text{Total} = \text{R\&D} + 15\%\ \text{tax (at \$5)}
""",
    "topology and categories": r"""
\pi_1(S^1) \cong \mathbb{Z}
0 \to A \xrightarrow{f} B \xrightarrow{g} C \to 0
\begin{CD} A @>f>> B \\ @VgVV @VVhV \\ C @>>k> D \end{CD}
\operatorname{Hom}_{\mathcal{C}}(A, B)
H^n(X; \mathbb{Z}) \simeq [X, K(\mathbb{Z}, n)]
\chi(M) = \sum_{k} (-1)^k b_k
\varprojlim_n \mathbb{Z}/p^n\mathbb{Z}
\mathfrak{g} = \mathfrak{h} \oplus \bigoplus_{\alpha} \mathfrak{g}_\alpha
d\omega \wedge \eta + (-1)^p \omega \wedge d\eta
N \trianglelefteq G, \quad G/N \cong \operatorname{im}\varphi
\mathscr{O}_X \rightrightarrows \mathscr{F}
X \sqcup Y \leftrightarrows Z
""",
    "how it is written": r"""
\begin{equation} a^2 + b^2 = c^2 \tag{1} \end{equation}
\begin{align} x &= 1 \tag{2a} \\ y &= 2 \notag \end{align}
\begin{gather*} a = b \\ c = d \end{gather*}
\begin{multline*} a + b + c \\ + d + e \end{multline*}
\begin{split} a &= b \\ &= c \end{split}
\begin{alignat}{2} x &= 1 & \quad y &= 2 \\ z &= 3 & w &= 4 \end{alignat}
\begin{eqnarray} a & = & b \\ c & = & d \end{eqnarray}
\color{red}{x} + \textcolor{blue}{y} + \colorbox{yellow}{z} + {\color{#00aa00} w}
\textbf{Step 1: } x \textit{ is } \textrm{real, since $x^2 \ge 0$}
\mathbf{x}, \mathrm{x}, \mathit{x}, \mathsf{x}, \mathtt{x}, \mathcal{X}, \mathscr{X}, \mathfrak{x}, \mathbb{X}
\hat x, \tilde x, \vec x, \dot x, \ddot x, \acute x, \grave x, \check x, \breve x, \mathring x
{n \choose k} = {n! \over k!(n-k)!}
a \,b\: c\; d\quad e\qquad f\! g~h \enspace i
\Bigl( \bigl( ( x ) \bigr) \Bigr)
\stackrel{\text{def}}{=} \quad \overset{!}{=} \quad \underset{x}{\max}
\displaystyle\sum_{i=1}^n i = \textstyle\frac{n(n+1)}{2}
{\large A} + {\small b}
x \longrightarrow y \Longleftrightarrow z \longmapsto w
\rule{0pt}{2.5ex} x \hspace{1em} y \mspace{18mu} z \kern 3pt w
\phantom{x + {}} y \vphantom{\frac{1}{2}} \smash[b]{\int}
\left( \frac{a}{b} \right] \left\lfloor x \right\rfloor \left\| v \right\| \left| w \right| \left\{ u \right\}
\pmb{v} \times \boldsymbol{\omega} \not\subset {\bf B}
速度 = \frac{\text{距離}}{\text{時間}}
\text{größe} = \text{naïve } α + β
\prescript{14}{6}{\mathbf{C}} \quad \sideset{}{'}\sum_k a_k
\fbox{result} = \boxed{\begin{array}{rl} x &= 1 \\ y &= 2 \end{array}}
\genfrac{[}{]}{0pt}{}{n}{k}
""",
}
CORPUS = [line for lines in FIELDS.values() for line in lines.strip().split("\n")]

# Formulas for the letters that tell what a command takes.
_ARGUMENTS = {
    "[": "[a]",
    "o": "",
    "t": "{t}",
    "s": "{H2O}",
    "b": "{=}",
    "c": "{red}",
    "a": "{cc}",
    "n": "{1}",
    "g": "{1}",
    "d": "(",
    "e": "{(}",
    "l": "{1em}",
    "m": "{1em}",
    "y": "",
    "z": "",
    "p": "",
    "f": "",
}
_BETWEEN = {"over", "choose", "atop", "brace", "brack"}
_IN_ROWS = {"hline", "hdashline", "cellcolor", "rowcolor"}


def _arguments(takes: str) -> str:
    return "".join(_ARGUMENTS[letter] for letter in takes)


def _command(name: str) -> str:
    """Return a formula that has the command *name*, and no other that matters."""
    takes = COMMANDS[name]
    command = f"\\{name}{_arguments(takes)}"
    if name in _BETWEEN:
        return f"{{a {command} b}}"
    if name in _IN_ROWS:
        return rf"\begin{{array}}{{c}} a \\ {command} b \end{{array}}"
    if name in ("limits", "nolimits"):
        return rf"\sum{command}_a^b"
    if name == "middle":
        return rf"\left( a {command} b \right)"
    return f"{command}{{x}}{{y}}{{z}}{{w}}" if takes else f"{command} x"


def _environment(name: str) -> str:
    columns = "" if name.startswith(("equ", "gather", "mult", "sub", "CD")) else "&"
    rows = f"a {columns} b \\\\ c {columns} d"
    arguments = _arguments(ENVIRONMENTS[name])
    return rf"\begin{{{name}}}{arguments} {rows} \end{{{name}}}"


LISTED = {
    "commands": [*map(_command, COMMANDS)],
    "environments": [*map(_environment, ENVIRONMENTS)],
    "delimiters": [rf"\left{name} x \right{name}" for name in DELIMITERS],
    "spaces that go back": [rf"a \{name} b" for name in BACK],
    "in text": [
        rf"\text{{a \{name}{_arguments(takes)} b}}" for name, takes in TEXT.items()
    ],
    "in chemistry": [
        rf"\ce{{A \{name}{_arguments(takes)} B}}" for name, takes in CHEMISTRY.items()
    ],
}
"""A formula for each name that is listed."""
