"""Arrays: the names of the numbers that laws take and give."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Numbers = float | int | np.number | np.ndarray
Mask = npt.NDArray[np.bool_]
