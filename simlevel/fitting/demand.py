"""The demand model of each item, chosen by likelihood with a penalty."""
from __future__ import annotations

import numpy as np
from simlevel.fitting.candidates import CANDIDATES, log_evidence
from simlevel.fitting.sample import Sample

def scores(sample, whole, criterion='bic'):
    fits=[c.fit(sample,whole) for c in CANDIDATES]
    L=np.array([f.log_likelihood for f in fits]).T
    k=np.array([c.parameters for c in CANDIDATES],float)
    n=sample.periods[:,None]
    if criterion=='bic': pen=k*np.log(n)
    elif criterion=='aic': pen=2*k+0*n
    else: pen=2*k+2*k*(k+1)/np.maximum(n-k-1,1e-9)
    s=-2*L+pen
    s[:,-1]=-2*log_evidence(sample)
    return fits,L,s
