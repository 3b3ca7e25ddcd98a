import torch, sys
sys.path.insert(0,'.')
from tests.models.test_contract import *
for name in list_models():
    bad=0
    for rows in (1,2,3,4):
        m=lively_model(name,channels=1,levels=5,shape=(9,7))
        x=random_pixels(2,1,5,(9,7))
        mask=torch.zeros(2,9,7,dtype=torch.bool); mask[:,1:1+rows,1:6]=True
        c=Context(torch.eye(3)[:2],x,mask)
        noise=draw_noise(0,count=2,channels=1,height=9,width=7)
        a=sample_naive(m,c,controls=Controls(),noise=noise); b=sample_fixed_point(m,c,controls=Controls(),noise=noise); d=sample_cached(m,c,controls=Controls(),noise=noise)
        print(name,rows,torch.equal(a.x,b.x),torch.equal(a.x,d.x),float((a.log_prob-b.log_prob).abs().max()),float((a.log_prob-d.log_prob).abs().max()))
