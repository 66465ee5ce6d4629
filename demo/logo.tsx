/** @file The mark: layers of rock. Decorative, the name stands beside it. */

/** The mark at the size of its box. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" aria-hidden="true">
      <clipPath id="logo-shape">
        <rect width="32" height="32" rx="8" />
      </clipPath>
      <g clip-path="url(#logo-shape)">
        <path class="rock-1" d="M0 0h32v32H0z" />
        <path class="rock-2" d="M0 9c6-4 10 1 16 0s10-5 16-2v25H0z" />
        <path class="rock-3" d="M0 15c7-3 11 2 17 1s9-4 15-2v18H0z" />
        <path class="rock-4" d="M0 21c6-3 10 2 16 1s10-4 16-1v11H0z" />
        <path class="rock-5" d="M0 27c7-3 11 1 17 0s9-3 15-1v6H0z" />
      </g>
    </svg>
  );
}

/** The ground that the search box stands on: the mark's layers across the page. */
export function Ground() {
  return (
    <svg class="ground" viewBox="0 0 1200 90" preserveAspectRatio="none" aria-hidden="true">
      <path class="rock-1" d="M0 22C160 2 300 34 470 26S800 0 960 14s180 22 240 10v66H0z" />
      <path class="rock-2" d="M0 40c190-22 330 14 520 4s290-30 440-16 180 14 240 6v56H0z" />
      <path class="rock-3" d="M0 54c150-12 330 14 500 4s330-20 470-8 170 8 230 2v38H0z" />
      <path class="rock-4" d="M0 68c210-18 360 8 560 2s300-16 420-8 160 6 220 2v26H0z" />
      <path class="rock-5" d="M0 80c190-10 350 4 540 0s330-10 450-6 150 4 210 2v14H0z" />
    </svg>
  );
}
